"""Driver values as what scripts get: text of any bytes, numbers JSON can carry, nanoseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from stt_shared import clock


class Array(list[Any]):
    """An array, and how the server wrote it: scripts of PMM search in that text."""

    def __init__(self, values: Iterable[Any], written: str) -> None:
        super().__init__(values)
        self.written = written


def text(raw: bytes) -> str:
    """`raw` as UTF-8; bytes that are none stay readable as hex, so that any value is JSON."""
    return raw.decode("utf-8", "backslashreplace")


def number(value: float) -> float | str:
    """`value`, or its word (`nan`, `inf`, `-inf`) where JSON has no number for it."""
    return value if math.isfinite(value) else str(value)


def nanoseconds(at: date) -> int:
    """A date or datetime as UNIX nanoseconds; without a zone it is taken as UTC."""
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    return clock.unix_nanoseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
