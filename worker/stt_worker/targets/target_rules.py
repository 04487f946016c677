"""The rules of the fields of a target: each returns what was expected, or an empty text."""

from __future__ import annotations

from pathlib import Path

from stt_shared.protocol.enums import Family
from stt_worker.databases.hosts import fault_of

MAX_LABELS = 16
MAX_LABEL_CHARACTERS = 64
MAX_TEXT_CHARACTERS = 4_096


def line(value: str) -> str:
    """Not empty, printable, of limited length."""
    if not value:
        return "expected a text"
    good = len(value) <= MAX_TEXT_CHARACTERS and value.isprintable()
    return "" if good else f"expected a line of at most {MAX_TEXT_CHARACTERS} characters"


def password(value: str) -> str:
    """Of limited length."""
    good = len(value) <= MAX_TEXT_CHARACTERS
    return "" if good else f"expected at most {MAX_TEXT_CHARACTERS} characters"


def family(value: str) -> str:
    """A known type of database."""
    known = "mysql (also for MariaDB and Percona Server), postgresql, mongodb"
    return "" if value in list(Family) else f"expected one of {known}"


def socket(value: str) -> str:
    """An absolute path."""
    good = value.startswith("/") and "," not in value
    return line(value) or ("" if good else "expected an absolute path without a comma")


def host(value: str) -> str:
    """One host name or address."""
    wrong = line(value).removeprefix("expected ") or fault_of(value)
    return f"expected one host ({wrong})" if wrong else ""


def file(value: str) -> str:
    """A path whose ~ is a known user."""
    if fault := line(value):
        return fault
    try:
        Path(value).expanduser()
    except RuntimeError:
        return "expected a path without ~ of an unknown user"
    return ""


def labels(value: dict[str, str]) -> str:
    """Few and short texts."""
    texts = [text for pair in value.items() for text in pair]
    if len(value) > MAX_LABELS or any(len(text) > MAX_LABEL_CHARACTERS for text in texts):
        return f"expected at most {MAX_LABELS} texts of at most {MAX_LABEL_CHARACTERS} characters"
    return ""
