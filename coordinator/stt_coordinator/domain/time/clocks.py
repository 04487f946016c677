"""Whether the clocks agree: the coordinator's, the NATS server's, and the time that passed."""

from __future__ import annotations

from datetime import datetime, timedelta

from stt_coordinator.domain.model import Record
from stt_shared.protocol.messages import Instant
from stt_shared.report import readable

MAX_OFFSET = timedelta(minutes=2)  # between the clocks of coordinator and NATS server
MAX_DRIFT = timedelta(minutes=5)  # of a clock, beyond the time that passed


class Reading(Record, frozen=True, kw_only=True):
    """The clocks at one moment; `uptime_s` counts from the start of the machine, `boot`."""

    wall: Instant  # of the coordinator
    broker: Instant | None  # of the NATS server; null: it did not answer
    uptime_s: float
    boot: str

    @property
    def offset(self) -> timedelta | None:
        """How far the coordinator's clock is ahead of the server's; None: unknown."""
        return self.wall - self.broker if self.broker is not None else None

    @property
    def is_apart(self) -> bool:
        """Whether the two clocks differ by more than MAX_OFFSET."""
        return self.offset is not None and abs(self.offset) > MAX_OFFSET


class ClockRecord(Record, frozen=True, kw_only=True):
    """The last reading on which the clocks agreed, and the instant that retention counts from.

    `mark` never moves faster than time passes: a clock that jumps makes nothing too old.
    """

    reading: Reading
    mark: Instant


def time_between(last: Reading, now: Reading) -> timedelta | None:
    """The time that passed between two readings; None: the machine was started in between."""
    if last.boot != now.boot:
        return None
    return timedelta(seconds=max(0.0, now.uptime_s - last.uptime_s))


def drift(before: datetime, now: datetime, passed: timedelta | None) -> timedelta:
    """By how much a clock moved more than time passed; if that is unknown, only a step back counts.

    While the machine was off its clock may have moved on by any time.
    """
    moved = now - before
    return moved - passed if passed is not None else min(moved, timedelta(0))


def disagreement(last: Reading | None, now: Reading) -> str:
    """The disagreement of the clocks as a sentence; empty: they agree."""
    if last is None:
        if now.broker is None:
            return "the clock of the NATS server cannot be read"
        return _apart(now) if now.is_apart else ""
    passed = time_between(last, now)
    own = drift(last.wall, now.wall, passed)
    theirs = zero = timedelta(0)
    if last.broker is not None and now.broker is not None:
        theirs = drift(last.broker, now.broker, passed)
    jumped = [
        (whose, by)
        for whose, by in (("coordinator", own), ("NATS server", theirs))
        if abs(by) > MAX_DRIFT
    ]
    if jumped and (now.is_apart or jumped[0][0] == "coordinator"):
        return " and ".join(
            f"the clock of the {whose} jumped {_span(by)} {'ahead' if by > zero else 'back'}"
            for whose, by in jumped
        )
    return _apart(now) if now.is_apart else ""


def _span(length: timedelta) -> str:
    # Rounded: the readings of a clock that jumped by a day are never exactly a day apart.
    return readable.span(timedelta(minutes=round(abs(length) / timedelta(minutes=1))))


def _apart(now: Reading) -> str:
    offset = now.offset or timedelta(0)
    way = "ahead of" if offset > timedelta(0) else "behind"
    return (
        f"the clock of the coordinator is {_span(offset)} {way} that of the NATS"
        f" server (limit {readable.span(MAX_OFFSET)}); which of them is wrong is not known"
    )


def agreed(last: ClockRecord | None, now: Reading, start: datetime) -> ClockRecord:
    """The record after a reading on which the clocks agree; `start` is the mark of a new record."""
    if last is None:
        return ClockRecord(reading=now, mark=min(now.wall, start))
    # Unknown after a start of the machine: time that nobody measured makes nothing older.
    passed = time_between(last.reading, now) or timedelta(0)
    return ClockRecord(reading=now, mark=min(now.wall, last.mark + passed))
