"""What every store guarantees of targets, workers, checks and the control state."""

from __future__ import annotations

import msgspec

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.messages import ControlState
from tests.support.coordinator.store_rows import (
    NOW,
    check,
    target,
)


async def test_targets_not_checked_are_counted_and_paged(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_targets([target(name, last_started=NOW) for name in ("a", "b", "c")])
        ledger.fleet.put_targets([target("d", last_started=NOW, learned=True), target("e")])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.fleet.count_unchecked()) == 3
    page = await store.read(lambda ledger: ledger.fleet.unchecked(9, "a"))
    assert [row.target for row in page] == ["b", "c"]


async def test_workers_and_checks_are_as_last_put(store: Store) -> None:
    worker = WorkerRecord(
        worker="w1", site="eu", state="up", version="1", started=NOW, last_heard=NOW, targets=1
    )
    down = msgspec.structs.replace(worker, state="down")

    def write(ledger: Ledger) -> None:
        ledger.fleet.put_workers([worker])
        ledger.fleet.put_workers([down])
        ledger.fleet.replace_checks([check("c1"), check("c2")])
        ledger.fleet.replace_checks([check("c2", enabled=False)], "sha256:p")

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.fleet.workers()) == [down]
    assert await store.read(lambda ledger: ledger.fleet.checks()) == [check("c2", enabled=False)]
    assert await store.read(lambda ledger: ledger.fleet.pack()) == "sha256:p"
    await store.transact(lambda ledger: ledger.fleet.replace_checks([check("c1")]))
    assert await store.read(lambda ledger: ledger.fleet.pack()) == ""


async def test_control_state_is_remembered(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.fleet.control_state()) is None
    assert await store.read(lambda ledger: ledger.fleet.control_sequence()) == 0
    for sequence, enabled in enumerate((True, False), start=1):
        state = ControlState(enabled=enabled, since=NOW, by="é", disabled_checks=("c1",))
        await store.transact(
            lambda ledger, at=sequence, state=state: ledger.fleet.put_control_state(state, at)  # type: ignore[misc]  # bound now
        )
        assert await store.read(lambda ledger: ledger.fleet.control_state()) == state
        assert await store.read(lambda ledger: ledger.fleet.control_sequence()) == sequence


async def test_an_older_control_state_replaces_no_newer_one_unless_it_is_named(
    store: Store,
) -> None:
    states = [ControlState(reason=str(number)) for number in range(10)]

    async def put(sequence: int, replaces: int = -1) -> tuple[str, int]:
        def write(ledger: Ledger) -> tuple[str, int]:
            ledger.fleet.put_control_state(states[sequence], sequence, replaces)
            found = ledger.fleet.control_state()
            return found.reason if found else "", ledger.fleet.control_sequence()

        return await store.transact(write)

    assert await put(7) == ("7", 7)
    assert await put(3) == ("7", 7)
    assert await put(7) == ("7", 7)
    assert await put(2, replaces=6) == ("7", 7)
    assert await put(2, replaces=7) == ("2", 2)
    assert await put(3) == ("3", 3)


async def test_dropped_worker_is_unknown_and_the_others_stay(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_workers(
            WorkerRecord(
                worker=name,
                site="eu",
                state="up",
                version="1",
                started=NOW,
                last_heard=NOW,
                targets=1,
            )
            for name in ("w1", "w2")
        )
        ledger.fleet.drop_workers(["w1", "w9"])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.fleet.workers())
    assert [one.worker for one in found] == ["w2"]


async def test_dropped_targets_are_deleted(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_targets([target("t1"), target("t2")])
        ledger.fleet.drop_targets(["t1", "t9"])

    await store.transact(write)
    left = await store.read(lambda ledger: ledger.fleet.all_targets())
    assert [row.target for row in left] == ["t2"]


async def test_present_targets_that_await_a_run_are_listed_until_they_do_not(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.put_targets([target(name, awaits_run=True) for name in ("t1", "t2")])
        ledger.fleet.put_targets([target("t3"), target("t4", awaits_run=True, gone=True)])
        ledger.fleet.put_targets([target("t1")])

    await store.transact(write)
    waiting = await store.read(lambda ledger: ledger.fleet.awaiting_run())
    assert [row.target for row in waiting] == ["t2"]


async def test_the_report_of_the_leader_is_the_one_that_was_put_last(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.fleet.leader_report()) == LeaderReport()
    whole = LeaderReport(degraded=("a \N{SNOWMAN}", "b"), nonce_rule="r", skews={"w": -3})
    for report in (whole, LeaderReport()):
        await store.transact(lambda ledger, one=report: ledger.fleet.put_leader_report(one))  # type: ignore[misc]  # bound now
        assert await store.read(lambda ledger: ledger.fleet.leader_report()) == report
