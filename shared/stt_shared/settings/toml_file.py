"""Read a TOML file, and find the line of a key in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from stt_shared.errors import ConfigError

MAX_FILE_BYTES = 8 * 1024 * 1024


def line_of(text: str, name: str) -> int:
    """The line of `section.key` in TOML `text`, or of its section; 0 if neither is found."""
    section, _, key = name.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line):
            current = match[1]
            if current == name:
                return number
        elif current == section and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return number
    return 0


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text and the tables of a TOML file.

    Raises ConfigError with the file and the reason: unreadable, larger than MAX_FILE_BYTES, not
    UTF-8, or not TOML.
    """
    try:
        with path.open("rb") as file:
            # One byte above the limit: a larger file is noticed, and never read whole.
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(f"{path} has more than the limit of {MAX_FILE_BYTES} bytes")
        text = data.decode("utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"cannot read {path} ({str(reason).lower()})") from error
    # tomllib raises other errors too: for numbers of 5,000 digits and for deep nesting.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
