"""What every store guarantees of counts, days and fixes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from stt_coordinator.domain.daily import Fixes, fix_times
from stt_coordinator.domain.summary import TargetTally, counts
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import (
    Change,
    Family,
    FindingState,
    Outcome,
    Severity,
)
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.queries.history import FixTime
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    accepted,
    check,
    finding,
    opened,
    pair,
    target,
)


async def test_gone_targets_and_switched_off_checks_leave_counts_and_lists_but_stay_in_history(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2", enabled=False)])
        ledger.fleet.put_targets([target("t1", learned=True), target("t2", gone=True)])
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.findings.put([finding("f_a"), finding("f_b", check="c2")])
        ledger.findings.put([finding("f_c", target="t2")])
        ledger.history.add([opened(finding("f_b"))])

    await store.transact(write)
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert list(tallies.findings) == [("eu", Family.MYSQL, Severity.MAJOR, 1)]
    assert list(tallies.outcomes) == [("eu", Family.MYSQL, Outcome.PASSED, None, 1)]
    assert list(tallies.targets) == [TargetTally("eu", Family.MYSQL, learned=True, number=1)]
    assert list(tallies.gone) == [("eu", Family.MYSQL, 1)]
    assert (dict(tallies.checks), list(tallies.gone_findings)) == ({Family.MYSQL: 1}, [("eu", 1)])
    assert counts(tallies) == Counts(
        major=1, passed=1, not_checked=1, targets=1, targets_checked=1, gone=1, gone_findings=1
    )
    shown = await store.read(lambda ledger: ledger.outcomes.current(("", ""), 9))
    assert [(one.target, one.check) for one in shown] == [("t1", "c1")]
    for state, ids in (("open", ["f_a"]), ("gone", ["f_c"]), ("all", ["f_a", "f_b", "f_c"])):
        query = FindingsRequest(state=state)
        found, total = await store.read(lambda ledger, query=query: ledger.findings.page(query))  # type: ignore[misc]
        assert ([one.id for one in found], total) == (ids, len(ids))
    history = await store.read(lambda ledger: ledger.history.of_finding("f_b", 9))
    assert [event.after.id for event in history] == ["f_b"]


async def test_the_count_put_last_of_each_day_stands_oldest_day_first(
    store: Store,
) -> None:
    midnight = NOW.replace(hour=0, minute=0)

    def work(ledger: Ledger) -> None:
        for hours, critical in ((-30, 1), (-1, 2), (-2, 7), (1, 3), (5, 4)):
            ledger.counts.put(midnight + hours * HOUR, Counts(critical=critical))

    await store.transact(work)
    yesterday = midnight.date() - timedelta(days=1)
    found = await store.read(lambda ledger: ledger.counts.days(yesterday))
    assert [(row.day, row.severity, row.open) for row in found if row.open] == [
        (yesterday, Severity.CRITICAL, 7),
        (midnight.date(), Severity.CRITICAL, 4),
    ]
    assert len(found) == 2 * len(Severity)
    before = await store.read(lambda ledger: ledger.counts.last_counted_day(yesterday))
    assert before is not None
    assert before == yesterday - timedelta(days=1)
    assert await store.read(lambda ledger: ledger.counts.last_counted_day(before)) is None


def fixed(before: FindingRecord, at: datetime = NOW) -> FindingEvent:
    """A finding is resolved at that instant."""
    after = msgspec.structs.replace(before, state=FindingState.RESOLVED, resolved_at=at)
    return FindingEvent(change=Change.RESOLVED, at=at, run_id="r", before=before, after=after)


async def test_events_are_counted_on_their_days_and_fixes_by_their_minutes(store: Store) -> None:
    today, yesterday = NOW.date(), NOW.date() - timedelta(days=1)
    old = finding("f_b", since=NOW - 24 * HOUR, severity=Severity.CRITICAL)
    put_up_with = finding("f_c", accepted=accepted())

    await store.transact(lambda ledger: ledger.counts.put(NOW, Counts(critical=5)))
    for events in (
        [opened(old, NOW - 24 * HOUR), opened(finding()), opened(put_up_with)],
        [opened(finding("f_d")), fixed(old), fixed(put_up_with), fixed(old, NOW + HOUR)],
    ):
        await store.transact(lambda ledger, events=events: ledger.history.add(events))  # type: ignore[misc]
    found = await store.read(lambda ledger: ledger.counts.days(yesterday))
    assert {
        (row.day, str(row.severity)): (row.open, row.opened, row.resolved) for row in found
    } == {
        (yesterday, "critical"): (None, 1, 0),
        (today, "critical"): (5, 0, 2),
        (today, "major"): (0, 2, 0),
        (today, "trivial"): (0, 0, 0),
    }
    none = [FixTime(severity=one, fixed=0) for one in Severity]
    day = 24 * 3_600
    of_critical = FixTime(severity=Severity.CRITICAL, fixed=2, median_s=day, p90_s=day + 3_600)
    times = await store.read(lambda ledger: ledger.counts.fix_times(today))
    assert list(times) == [of_critical, *none[1:]]
    times = await store.read(lambda ledger: ledger.counts.fix_times(today + timedelta(days=1)))
    assert list(times) == none


@pytest.mark.parametrize("number", [1, 2, 9, 10, 11, 30])
async def test_times_to_fix_are_those_by_nearest_rank(number: int, store: Store) -> None:
    minutes = [1 + (7 * place) % (2 * number // 3 + 1) for place in range(number)]
    events = [fixed(finding("f_a", since=NOW - timedelta(minutes=one))) for one in minutes]
    await store.transact(lambda ledger: ledger.history.add(events))
    found = await store.read(lambda ledger: ledger.counts.fix_times(NOW.date()))
    assert found == fix_times(Fixes(Severity.MAJOR, one, 1) for one in minutes)
    assert sum(one.fixed for one in found) == number


async def test_counts_of_yesterday_are_the_newest_that_old(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        for hour in range(4):
            ledger.counts.put(NOW + hour * HOUR, Counts(critical=hour))
        ledger.counts.put(NOW + timedelta(minutes=1), Counts(critical=9))

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.counts.before(NOW)) is None
    found = await store.read(lambda ledger: ledger.counts.before(NOW + HOUR - timedelta(minutes=1)))
    assert found == Counts(critical=9)
    assert await store.read(lambda ledger: ledger.counts.before(NOW + 9 * HOUR)) == Counts(
        critical=3
    )
