"""Read the clocks, and convert instants to and from stored texts.

Everybody asks this module, so that a test which replaces `now` moves the clock of a whole process.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from secrets import token_hex

# Only Linux has it; the monotonic clock stands still while a virtual machine is suspended.
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
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


@cache
def boot() -> str:
    """Which start of the machine `uptime` counts from; if unknown, that of the process."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return token_hex(16)


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
