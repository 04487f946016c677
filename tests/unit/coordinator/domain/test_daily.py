"""Trends per day and the time to fix: what stands for days nobody counted, and which rank it is."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from stt_coordinator.control.queries.trends import trends_of
from stt_coordinator.domain.daily import DayRecord, Fixes, fix_times, trend
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.web.chart import bars, series
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.history import FixTime, Numbers, TrendDay
from stt_shared.protocol.records import Counts
from tests.support.coordinator.coordination import NOW

FIRST = date(2026, 11, 20)
CRITICAL = Severity.CRITICAL


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def row(number: int, **values: int) -> DayRecord:
    return DayRecord(day=day(number), severity=CRITICAL, **values)


def test_a_day_without_a_count_has_the_numbers_of_the_count_before() -> None:
    found = trend([row(-3, open=4), row(1, opened=2), row(2, open=6)], FIRST, day(3))
    assert [(one.day, one.open.critical, one.opened.critical) for one in found] == [
        (day(0), 4, 0),
        (day(1), 4, 2),
        (day(2), 6, 0),
        (day(3), 6, 0),
    ]


def test_days_begin_with_the_first_that_is_known() -> None:
    assert [one.day for one in trend([row(2, open=1)], FIRST, day(3))] == [day(2), day(3)]
    assert trend([], FIRST, day(3)) == ()


def test_every_severity_has_its_own_numbers() -> None:
    major = DayRecord(day=FIRST, severity=Severity.MAJOR, open=2, resolved=3)
    (found,) = trend([row(0, open=1, opened=1), major], FIRST, FIRST)
    assert (found.open, found.opened, found.resolved) == (
        Numbers(critical=1, major=2),
        Numbers(critical=1),
        Numbers(major=3),
    )


@pytest.mark.parametrize(
    ("minutes", "median_s", "p90_s"),
    [
        ({5: 1}, 300, 300),
        ({5: 1, 60: 1}, 300, 3600),
        ({1: 5, 2: 4, 100: 1}, 60, 120),
        ({1: 5, 2: 3, 100: 2}, 60, 6000),
        ({0: 3}, 0, 0),
    ],
)
def test_the_time_to_fix_is_the_median_and_what_nine_of_ten_took(
    minutes: dict[int, int], median_s: int, p90_s: int
) -> None:
    fixes = [Fixes(severity=CRITICAL, minutes=m, number=n) for m, n in minutes.items()]
    found = {one.severity: one for one in fix_times(fixes)}
    assert found[CRITICAL] == FixTime(
        severity=CRITICAL, fixed=sum(minutes.values()), median_s=median_s, p90_s=p90_s
    )
    assert found[Severity.MAJOR] == FixTime(severity=Severity.MAJOR, fixed=0)


async def test_today_is_as_it_is_now_and_the_count_before_the_window_stands() -> None:
    store = MemoryStore()
    await store.transact(
        lambda ledger: ledger.counts.put(NOW - timedelta(days=40), Counts(critical=9))
    )
    present = Counts(critical=7, targets=1)
    found = await store.read(lambda ledger: trends_of(ledger, 30, NOW, present))
    assert (len(found.days), found.days[0].day) == (30, NOW.date() - timedelta(days=29))
    assert [one.open.critical for one in found.days] == [9] * 29 + [7]


async def test_before_anything_is_known_there_is_no_day() -> None:
    found = await MemoryStore().read(lambda ledger: trends_of(ledger, 30, NOW, Counts()))
    assert (found.days, [one.fixed for one in found.fix_times]) == ((), [0, 0, 0])


def test_the_drawing_stays_in_its_frame_and_draws_nothing_of_nothing() -> None:
    quiet = TrendDay(day=FIRST, open=Numbers(critical=1))
    busy = msgspec.structs.replace(
        quiet, open=Numbers(major=50), opened=Numbers(major=50), resolved=Numbers(trivial=25)
    )
    assert series([quiet]) == ()
    assert bars([quiet, quiet]) == ()
    for line in series([quiet, busy]):
        points = [tuple(map(float, point.split(","))) for point in line.points.split()]
        assert all(0 <= x <= 600 and 0 <= y <= 120 for x, y in points)
    drawn = bars([quiet, busy])
    assert [bar.kind for bar in drawn] == ["opened", "resolved"]
    assert all(bar.y >= 0 and bar.y + bar.height <= 120 and bar.height > 0 for bar in drawn)
