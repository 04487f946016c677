"""What every store guarantees of retention."""

from __future__ import annotations

from dataclasses import replace

from stt_coordinator.domain.time.clocks import ClockRecord, Reading
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import Rejected
from stt_coordinator.store.ports.retention import Before
from stt_shared.protocol.enums import (
    FindingState,
    Severity,
)
from stt_shared.protocol.records import Counts
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    entry,
    finding,
    job,
    opened,
    pair,
    raw,
    run,
    suppression,
    target,
)

BEFORE = Before(full=NOW, daily=NOW - 48 * HOUR, audit=NOW - 48 * HOUR)


ALL = 1_000  # rows


def past_and_present(ledger: Ledger) -> None:
    """One of everything that is old and over, and of everything that is old and stands."""
    old, late, oldest = NOW - HOUR, NOW + HOUR, NOW - 99 * HOUR
    ledger.runs.put(run("oldest", slot=oldest, state="finished"))
    ledger.runs.put(run("old", slot=old, state="finished"))
    ledger.runs.put(run("old-and-running", slot=oldest))
    ledger.runs.put(run("new", slot=late, state="finished"))
    ledger.jobs.put([job("t1", each) for each in ("oldest", "old", "old-and-running", "new")])
    ledger.results.add([replace(raw(1), received=old), replace(raw(2), received=late)])
    ledger.findings.put([finding("f_a", since=oldest, first_seen=oldest)])
    ledger.findings.put([finding("f_b", state=FindingState.RESOLVED, resolved_at=old)])
    ledger.findings.put([finding("f_c", state=FindingState.RESOLVED, resolved_at=late)])
    ledger.outcomes.put([pair("t1")])
    ledger.fleet.put_targets([target(last_started=oldest, last_checked=oldest)])
    ledger.suppressions.put([suppression(created=oldest, ended=oldest)])
    ledger.history.add([opened(finding(), oldest), opened(finding(), late)])
    for at in (oldest, old, late):
        ledger.counts.put(at, Counts(major=1))
    ledger.results.add_rejected([Rejected(code="c", reason="", subject="", at=old, data=b"")])


async def test_only_what_is_old_and_over_is_pruned(store: Store) -> None:
    await store.transact(past_and_present)
    dropped = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, ALL))
    assert dropped == {
        "jobs": 2,
        "runs": 1,
        "results": 1,
        "rejected": 1,
        "history": 1,
        "counts": 2,
        "findings": 1,
        "daily": len(Severity),
        "fixes": 0,
        "audit": 0,
    }
    kept = await store.read(lambda ledger: ledger.runs.newest(9))
    assert {one.run_id for one in kept} == {"old", "old-and-running", "new"}
    again = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, ALL))
    assert not any(again.values())


async def test_pruning_leaves_what_is_known_now_however_old(store: Store) -> None:
    await store.transact(past_and_present)
    await store.transact(
        lambda ledger: ledger.retention.prune(Before(full=NOW, daily=NOW, audit=NOW), ALL)
    )

    def look(ledger: Ledger) -> object:
        return (
            [one.id for one in ledger.findings.of_targets(["t1"]) if one.resolved_at is None],
            ledger.outcomes.of_targets(["t1"]),
            ledger.fleet.targets(["t1"])["t1"].last_checked,
            ledger.suppressions.get("x_a") is not None,
            ledger.runs.get("old-and-running") is not None,
            list(ledger.jobs.by_id(["old-and-running.t1"])),
        )

    stands = (["f_a"], [pair("t1")], NOW - 99 * HOUR, True, True, ["old-and-running.t1"])
    assert await store.read(look) == stands


async def test_pruning_goes_in_steps_of_the_size_asked_for(store: Store) -> None:
    await store.transact(past_and_present)
    steps: list[int] = []
    while not steps or steps[-1]:
        dropped = await store.transact(lambda ledger: ledger.retention.prune(BEFORE, 2))
        steps.append(sum(dropped.values()))
    assert steps == [2, 2, 2, 2, 2, 2, 0]


async def test_who_did_what_is_pruned_by_its_own_age(store: Store) -> None:
    await store.transact(lambda ledger: ledger.audit.add([entry(0), entry(2)]))
    before = Before(full=NOW, daily=NOW, audit=NOW + HOUR)
    assert (await store.transact(lambda ledger: ledger.retention.prune(before, ALL)))["audit"] == 1
    left = await store.read(lambda ledger: ledger.audit.newest(None, 9))
    assert [one.what for _, one in left] == ["r2"]
    await store.transact(lambda ledger: ledger.audit.add([entry(3)]))
    newer = await store.read(lambda ledger: ledger.audit.newest(None, 1))
    assert newer[0][0] > left[0][0]


async def test_what_the_clocks_agreed_on_last_is_kept(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.retention.clock()) is None
    for hour in range(2):
        at = NOW + hour * HOUR
        reading = Reading(wall=at, broker=None, uptime_s=1.5, boot="b1")
        record = ClockRecord(reading=reading, mark=at)
        await store.transact(lambda ledger, put=record: ledger.retention.put_clock(put))  # type: ignore[misc]
        assert await store.read(lambda ledger: ledger.retention.clock()) == record


async def test_instants_in_the_future_are_counted_by_kind(store: Store) -> None:
    await store.transact(past_and_present)
    assert await store.read(lambda ledger: ledger.retention.ahead_of(NOW + HOUR)) == {}
    later = NOW + 9_000 * HOUR

    def write(ledger: Ledger) -> None:
        ledger.runs.put(run("ahead", slot=later))
        ledger.audit.add([entry(9_000), entry(9_001)])
        ledger.counts.put(later, Counts())
        ledger.history.add([opened(finding("f_z"), later)])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.retention.ahead_of(NOW + HOUR))
    assert found == {"runs": 1, "history": 1, "counts": 1, "audit": 2}
