"""Keep the secrets of accounts in files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from stt_cli.accounts import keys
from stt_cli.accounts.keys import Key, Kind
from stt_shared.errors import ConfigError

ONLY_OWNER = 0o600


def key_of(path: Path, kind: Kind) -> Key:
    """Read the key from its seed in `path`; create both if the file does not exist.

    Raises ConfigError for a file that cannot be used.
    """
    found = read(path, kind)
    if found is None:
        # Only where there is none: a new key would lock out whoever uses the old one.
        found = keys.new(kind)
        write(path, found.seed + "\n")
    return found


def read(path: Path, kind: Kind) -> Key | None:
    """Read the key from its seed in `path`; None if the file does not exist; raises ConfigError."""
    try:
        return keys.of_seed(path.read_text(encoding="ascii").strip(), kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({(error.strerror or '').lower()})") from error
    except ValueError as error:
        hint = "move it away to have a new key made"
        raise ConfigError(f"{path} cannot be used: {error}", hint=hint) from error


def replace(path: Path, text: str) -> None:
    """Write a file without secrets and replace its content; raises ConfigError."""
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        # At once: a server that reads it meanwhile must not find half of it.
        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({(error.strerror or '').lower()})") from error


def write(path: Path, text: str) -> None:
    """Write a secret to a new file; raises ConfigError, also if the file exists."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive, with its mode from the beginning: no moment at which others can read it.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OWNER)
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({(error.strerror or '').lower()})") from error
