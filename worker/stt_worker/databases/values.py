"""Converts driver values for scripts: text of any bytes, numbers that JSON has, nanoseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from stt_shared import clock


class Array(list[Any]):
    """An array with the text that the server sent; PMM's scripts search in that text."""

    def __init__(self, values: Iterable[Any], written: str) -> None:
        super().__init__(values)
        self.written = written


def text(raw: bytes) -> str:
    """`raw` as UTF-8; other bytes become hex escapes, so that any value fits into JSON."""
    return raw.decode("utf-8", "backslashreplace")


def number(value: float) -> float | str:
    """`value`, or `nan`, `inf` or `-inf` as text, because JSON has no such numbers."""
    return value if math.isfinite(value) else str(value)


def nanoseconds(at: date) -> int:
    """A date or datetime as UNIX nanoseconds; one without a time zone counts as UTC."""
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    return clock.unix_nanoseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
