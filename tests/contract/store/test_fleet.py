"""What every store guarantees of targets, workers, checks and the control state."""

from __future__ import annotations

import msgspec

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
        ledger.fleet.replace_checks([check("c2", enabled=False)])

    await store.transact(write)
    assert await store.read(lambda ledger: ledger.fleet.workers()) == [down]
    assert await store.read(lambda ledger: ledger.fleet.checks()) == [check("c2", enabled=False)]


async def test_control_state_is_remembered(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.fleet.control_state()) is None
    for enabled in (True, False):
        state = ControlState(enabled=enabled, since=NOW, by="é", disabled_checks=("c1",))
        await store.transact(lambda ledger, state=state: ledger.fleet.put_control_state(state))  # type: ignore[misc]
        assert await store.read(lambda ledger: ledger.fleet.control_state()) == state


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
