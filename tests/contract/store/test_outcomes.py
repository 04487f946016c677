"""What every store guarantees of the latest outcomes."""

from __future__ import annotations

from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import (
    Family,
    Kind,
    Outcome,
)
from tests.support.coordinator.store_rows import (
    NOW,
    check,
    pair,
    target,
)


async def test_pairs_and_targets_are_replaced_and_paged(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2")])
        ledger.fleet.put_targets([target("t1"), target("t2"), target("t3", last_started=NOW)])
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.outcomes.put([pair("t2", "c1", Outcome.ERROR)])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.outcomes.current(("t1", "c1"), 9))
    assert [(one.target, one.check) for one in found] == [("t1", "c2"), ("t2", "c1")]
    assert found[1].kind is Kind.UNREACHABLE
    page = await store.read(lambda ledger: ledger.fleet.targets_page("t1", 1))
    assert [one.target for one in page] == ["t2"]
    unchecked = await store.read(lambda ledger: ledger.fleet.unchecked(9))
    assert [one.target for one in unchecked] == ["t3"]
    known = await store.read(lambda ledger: ledger.fleet.targets(["t2", "t9"]))
    assert known == {"t2": target("t2")}
    assert len(await store.read(lambda ledger: ledger.fleet.all_targets())) == 3
    assert len(await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"]))) == 2
    assert await store.read(lambda ledger: ledger.findings.of_targets(["t1"])) == []


async def test_outcomes_of_targets_include_those_that_are_not_current(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_targets([target("t1", gone=True)])
        ledger.outcomes.put([pair("t1", "unknown")])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"])) == [
        pair("t1", "unknown")
    ]
    assert await store.read(lambda ledger: ledger.outcomes.current(("", ""), 9)) == []


async def test_outcomes_of_a_target_can_be_forgotten(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.outcomes.forget(["t1", "t9"])

    await store.transact(write)
    left = await store.read(lambda ledger: ledger.outcomes.of_targets(["t1", "t2"]))
    assert [(one.target, one.check) for one in left] == [("t2", "c1")]


async def test_checks_that_never_ran_on_a_present_target_are_counted_by_each_way(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2"), check("c3", enabled=False)])
        ledger.fleet.put_targets([target("t1"), target("t2"), target("t3", gone=True)])
        ledger.fleet.put_targets([target("t4", family=Family.MONGODB)])
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2"), pair("t2", "c1")])
        ledger.outcomes.put([pair("t2", "c3"), pair("t3", "c1")])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.outcomes.never_run(9)) == [("t2", 1)]
    of_one = await store.read(lambda ledger: ledger.outcomes.never_run(9, ["t1", "t3"]))
    assert of_one == []
    gone = await store.read(lambda ledger: ledger.fleet.gone(9))
    assert [row.target for row in gone] == ["t3"]
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert tallies.never_run() == {("eu", Family.MYSQL): 1}
    assert sorted(tallies.not_checked()) == [
        ("eu", Family.MYSQL, Kind.GONE, 2),
        ("eu", Family.MYSQL, Kind.NOT_RUN, 1),
    ]
