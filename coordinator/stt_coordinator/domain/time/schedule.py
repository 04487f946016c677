"""Which slots are due: periods anchored to the UNIX epoch, so that anyone derives the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from stt_shared.protocol.enums import Interval

PERIODS = {
    Interval.STANDARD: timedelta(hours=24),
    Interval.RARE: timedelta(hours=78),
    Interval.FREQUENT: timedelta(hours=4),
}
ENABLE = "enable"  # the schedule of the run that follows enabling: its one slot is that moment
MANUAL = "manual"  # the schedule of runs on request
FIRST = "first"  # the schedule of runs of new targets, as soon as they are known
MAX_SKIPPED = 1_000  # slots of one schedule recorded by name after an outage
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The slot of a schedule to run now, and the missed ones before it, oldest first."""

    schedule: Interval
    run: datetime
    skipped: tuple[datetime, ...] = ()


def slot_at(schedule: Interval, now: datetime) -> datetime:
    """The newest slot at or before `now`."""
    period = PERIODS[schedule]
    return _EPOCH + (now - _EPOCH) // period * period


def next_slot(schedule: Interval, now: datetime) -> datetime:
    """The first slot after `now`."""
    return slot_at(schedule, now) + PERIODS[schedule]


def due(
    now: datetime, last_slots: Mapping[str, datetime], enabled_since: datetime
) -> tuple[Due, ...]:
    """What is due: per schedule the newest undecided slot, and the missed ones before it.

    No slot at or before `enabled_since` is due. A last slot in the future was decided while a clock
    was ahead: the newest slot is due then, which changes nothing if it was decided already.
    """
    found: list[Due] = []
    for schedule in Interval:
        period = PERIODS[schedule]
        newest = slot_at(schedule, now)
        last = last_slots.get(schedule, enabled_since)
        after = max(enabled_since, last if last <= now else newest - period)
        if newest > after:
            oldest = max(next_slot(schedule, after), newest - MAX_SKIPPED * period)
            missed = (newest - oldest) // period
            skipped = tuple(oldest + number * period for number in range(missed))
            found.append(Due(schedule=schedule, run=newest, skipped=skipped))
    return tuple(found)
