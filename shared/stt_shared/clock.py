"""Read the clock, and convert instants to and from stored texts."""

from __future__ import annotations

import time
from datetime import UTC, datetime

# Only Linux has it; the monotonic clock stands still while a virtual machine is suspended.
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_STORED = "%Y-%m-%dT%H:%M:%S.%fZ"


def now() -> datetime:
    """The current time as an aware datetime in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of the monotonic clock, for durations."""
    return time.monotonic()


def uptime() -> float:
    """Seconds since the machine started, those in which it was suspended included."""
    return time.clock_gettime(_UPTIME)


def unix_nanoseconds(at: datetime) -> int:
    """`at` as UNIX nanoseconds, exact to the microsecond."""
    delta = at - datetime.fromtimestamp(0, UTC)
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1_000


def to_text(at: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals, so that texts sort like their instants."""
    return at.astimezone(UTC).strftime(_STORED)


def from_text(text: str) -> datetime:
    """The instant written by `to_text`; raises ValueError for anything else."""
    return datetime.strptime(text, _STORED).replace(tzinfo=UTC)
