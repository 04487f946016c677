"""What every store guarantees of runs and slots."""

from __future__ import annotations

from stt_coordinator.store.port import Ledger, Store
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    run,
)


async def test_run_is_replaced_and_found_newest_first(store: Store) -> None:
    newer = run("standard-2", slot=NOW + HOUR, state="finished", reason="é 'quoted' \x00")

    def write(ledger: Ledger) -> None:
        ledger.runs.put(run())
        ledger.runs.put(run(state="running", jobs=7))
        ledger.runs.put(newer)
        ledger.runs.put(run("rare-1", schedule="rare", slot=NOW + 2 * HOUR, state="skipped"))

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.runs.newest(2))
    assert [one.run_id for one in found] == ["rare-1", "standard-2"]
    assert await store.read(lambda ledger: ledger.runs.get("standard-2")) == newer
    assert await store.read(lambda ledger: ledger.runs.get("standard-9")) is None
    assert [one.jobs for one in await store.read(lambda ledger: ledger.runs.running())] == [7]
    assert await store.read(lambda ledger: ledger.runs.last()) == newer


async def test_newest_slot_of_each_schedule_is_remembered(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.runs.put_slot("standard", NOW + HOUR)
        ledger.runs.put_slot("standard", NOW)
        ledger.runs.put_slot("rare", NOW)

    await store.transact(write)
    slots = await store.read(lambda ledger: ledger.runs.last_slots())
    assert slots == {"standard": NOW + HOUR, "rare": NOW}


async def test_the_run_before_is_the_last_finished_one_of_its_schedule_or_of_any(
    store: Store,
) -> None:
    newest = run("e", slot=NOW)

    def write(ledger: Ledger) -> None:
        for name, hours, state, schedule in (
            ("a", 9, "finished", "standard"),
            ("b", 8, "finished", "standard"),
            ("c", 7, "skipped", "standard"),
            ("d", 6, "finished", "rare"),
        ):
            ledger.runs.put(run(name, slot=NOW - hours * HOUR, state=state, schedule=schedule))
        ledger.runs.put(newest)

    await store.transact(write)
    before = await store.read(lambda ledger: ledger.runs.previous(newest))
    assert before is not None
    assert before.run_id == "b"
    first = await store.read(lambda ledger: ledger.runs.get("a"))
    assert first is not None
    assert await store.read(lambda ledger: ledger.runs.previous(first)) is None
    other = await store.read(lambda ledger: ledger.runs.previous(run("x", schedule="enable")))
    assert other is not None
    assert other.run_id == "d"
