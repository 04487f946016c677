"""What every store guarantees of runs and slots."""

from __future__ import annotations

from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.retention import Before
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    run,
)


async def test_run_is_replaced_and_found_newest_first(store: Store) -> None:
    newer = run(
        "standard-2", number=22, slot=NOW - HOUR, state="finished", reason="é 'quoted' \x00"
    )

    def write(ledger: Ledger) -> None:
        ledger.runs.put(run(number=21))
        ledger.runs.put(run(number=21, state="running", jobs=7))
        ledger.runs.put(newer)
        ledger.runs.put(
            run("rare-1", number=23, schedule="rare", slot=NOW - 2 * HOUR, state="skipped")
        )

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.runs.newest(2))
    assert [one.run_id for one in found] == ["rare-1", "standard-2"]
    assert await store.read(lambda ledger: ledger.runs.get("standard-2")) == newer
    assert await store.read(lambda ledger: ledger.runs.get("standard-9")) is None
    assert [one.jobs for one in await store.read(lambda ledger: ledger.runs.running())] == [7]
    assert await store.read(lambda ledger: ledger.runs.last()) == newer


async def test_the_slot_of_each_schedule_that_was_put_last_is_remembered(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.runs.put_slot("standard", NOW + HOUR)
        ledger.runs.put_slot("standard", NOW)
        ledger.runs.put_slot("rare", NOW)

    await store.transact(write)
    slots = await store.read(lambda ledger: ledger.runs.last_slots())
    assert slots == {"standard": NOW, "rare": NOW}


async def test_the_run_before_is_the_last_finished_one_of_its_schedule_or_of_any(
    store: Store,
) -> None:
    newest = run("e", number=5, slot=NOW - 9 * HOUR)

    def write(ledger: Ledger) -> None:
        for number, name, state, schedule in (
            (1, "a", "finished", "standard"),
            (2, "b", "finished", "standard"),
            (3, "c", "skipped", "standard"),
            (4, "d", "finished", "rare"),
        ):
            # The slots are in the wrong order: a clock that went back must not order runs.
            slot = NOW - number * HOUR
            ledger.runs.put(run(name, number=number, slot=slot, state=state, schedule=schedule))
        ledger.runs.put(newest)

    await store.transact(write)
    before = await store.read(lambda ledger: ledger.runs.previous(newest))
    assert before is not None
    assert before.run_id == "b"
    first = await store.read(lambda ledger: ledger.runs.get("a"))
    assert first is not None
    assert await store.read(lambda ledger: ledger.runs.previous(first)) is None
    other = await store.read(
        lambda ledger: ledger.runs.previous(run("x", number=9, schedule="enable"))
    )
    assert other is not None
    assert other.run_id == "d"


async def test_numbers_of_runs_only_grow_even_if_all_runs_are_pruned(store: Store) -> None:
    def begin(ledger: Ledger) -> int:
        number = ledger.runs.next_number()
        ledger.runs.put(run(f"r{number}", number=number, state="finished"))
        return number

    first, second = await store.transact(begin), await store.transact(begin)
    later = NOW + HOUR
    everything = Before(full=later, daily=later, audit=later)
    await store.transact(lambda ledger: ledger.retention.prune(everything, 99))
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
    assert first < second < await store.transact(begin)
    ids = [f"r{second + 1}", "r999"]
    found = await store.read(lambda ledger: ledger.runs.numbers(ids))
    assert found == {f"r{second + 1}": second + 1}
    older = await store.read(lambda ledger: ledger.runs.newest(9, second + 1))
    assert older == []
