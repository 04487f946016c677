"""Days in numbers: what events add to a day, the trend over days, and how long fixing takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.queries.history import FixTime, Numbers, TrendDay
from stt_shared.protocol.records import FindingEvent

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MEDIAN, NINE_OF_TEN = (1, 2), (9, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """One severity on one day in UTC: open at the last count (None: not counted), and what came."""

    day: date
    severity: Severity
    open: int | None = None
    opened: int = 0
    resolved: int = 0


class Fixes(NamedTuple):
    """How many findings were resolved after that many minutes."""

    severity: Severity
    minutes: int
    number: int


@dataclass(frozen=True, slots=True)
class Steps:
    """What events add to their days; fixes are by day, severity and minutes."""

    opened: Counter[tuple[date, Severity]] = field(default_factory=Counter[tuple[date, Severity]])
    resolved: Counter[tuple[date, Severity]] = field(default_factory=Counter[tuple[date, Severity]])
    fixes: Counter[tuple[date, Severity, int]] = field(
        default_factory=Counter[tuple[date, Severity, int]]
    )

    def days(self) -> Iterator[DayRecord]:
        """One row for each day and severity that something is added to."""
        for day, severity in sorted(self.opened.keys() | self.resolved.keys()):
            yield DayRecord(
                day=day,
                severity=severity,
                opened=self.opened[day, severity],
                resolved=self.resolved[day, severity],
            )


def day_of(at: datetime) -> date:
    """The day in UTC that `at` is on."""
    return at.astimezone(UTC).date()


def steps(events: Iterable[FindingEvent]) -> Steps:
    """What `events` add to their days; findings that are accepted count as neither."""
    found = Steps()
    for event in events:
        day, before = day_of(event.at), event.before
        if event.change in (Change.OPENED, Change.REOPENED) and event.after.accepted is None:
            found.opened[day, event.after.severity] += 1
        elif event.change is Change.RESOLVED and before is not None and before.accepted is None:
            found.resolved[day, before.severity] += 1
            open_for = event.at - (before.since or before.first_seen)
            found.fixes[day, before.severity, max(0, open_for // MINUTE)] += 1
    return found


def trend(rows: Iterable[DayRecord], first: date, last: date) -> tuple[TrendDay, ...]:
    """Every day from the first that is known, `first` at the earliest, to `last`.

    A day without a count has that of the day before: counts are written on changes alone.
    `rows` may begin before `first`, so that there is such a count.
    """
    by_day: dict[date, dict[Severity, DayRecord]] = {}
    for row in rows:
        by_day.setdefault(row.day, {})[row.severity] = row
    known = dict.fromkeys(Severity, 0)
    found: list[TrendDay] = []
    begin = min(by_day, default=last + DAY)
    for day in (begin + number * DAY for number in range((last - begin).days + 1)):
        there = by_day.get(day, {})
        known |= {s: row.open for s, row in there.items() if row.open is not None}
        if day >= first:
            found.append(_day(day, known, there))
    return tuple(found)


def _day(day: date, known: dict[Severity, int], rows: dict[Severity, DayRecord]) -> TrendDay:
    def numbers(of: dict[Severity, int]) -> Numbers:
        return Numbers(**{str(severity): of.get(severity, 0) for severity in Severity})

    return TrendDay(
        day=day,
        open=numbers(known),
        opened=numbers({severity: row.opened for severity, row in rows.items()}),
        resolved=numbers({severity: row.resolved for severity, row in rows.items()}),
    )


def fix_times(fixes: Iterable[Fixes]) -> tuple[FixTime, ...]:
    """For each severity how long the resolved findings were open, by nearest rank."""
    by_severity: dict[Severity, Counter[int]] = {}
    for one in fixes:
        by_severity.setdefault(one.severity, Counter())[one.minutes] += one.number
    return tuple(_fix_time(severity, by_severity.get(severity)) for severity in Severity)


def _fix_time(severity: Severity, minutes: Counter[int] | None) -> FixTime:
    if not minutes:
        return FixTime(severity=severity, fixed=0)
    lengths = sorted(minutes.items())
    return FixTime(
        severity=severity,
        fixed=minutes.total(),
        median_s=60 * _rank(lengths, MEDIAN),
        p90_s=60 * _rank(lengths, NINE_OF_TEN),
    )


def _rank(lengths: Sequence[tuple[int, int]], share: tuple[int, int]) -> int:
    """The least of `lengths` (each with how often it is there) that `share` of all do not pass."""
    part, whole = share
    wanted = part * sum(number for _, number in lengths)
    for length, number in lengths:
        wanted -= whole * number
        if wanted <= 0:
            return length
    return lengths[-1][0]
