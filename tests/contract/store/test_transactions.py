"""What every store guarantees of transactions keep all or nothing."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.store.port import Ledger, Store
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.records import RunRecord
from tests.support.coordinator.store_rows import (
    finding,
    job,
    opened,
    run,
)


async def test_transaction_that_raises_leaves_nothing_behind(store: Store) -> None:
    def half(ledger: Ledger) -> None:
        ledger.runs.put(run())
        ledger.jobs.put([job()])
        ledger.outbox.add([Outgoing(subject="s", data=b"d", message_id="m")])
        raise KeyError("half")

    with pytest.raises(KeyError):
        await store.transact(half)
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
    assert await store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"])) == {}
    assert await store.read(lambda ledger: ledger.outbox.oldest(9)) == []


async def test_transactions_at_the_same_time_lose_nothing_of_each_other(store: Store) -> None:
    def count(ledger: Ledger) -> None:
        known = ledger.runs.get("standard-1")
        ledger.runs.put(run(jobs=known.jobs + 1 if known else 1))

    await asyncio.gather(*(store.transact(count) for _ in range(20)))
    (found,) = await store.read(lambda ledger: ledger.runs.newest(9))
    assert found.jobs == 20


async def test_the_last_two_jobs_of_a_run_see_each_other(store: Store) -> None:
    """Whoever settles the last one finds none left, however close together they are."""

    def finish(ledger: Ledger, name: str) -> bool:
        ledger.jobs.put([job(name, state=JobState.DONE)])
        return ledger.jobs.count_by_state("standard-1") == {JobState.DONE: 2}

    await store.transact(lambda ledger: ledger.jobs.put([job("t1"), job("t2")]))
    done = [store.transact(partial(finish, name=name)) for name in ("t1", "t2")]
    assert sorted(await asyncio.gather(*done)) == [False, True]


async def test_a_reader_of_the_history_misses_nothing_while_it_is_written(store: Store) -> None:
    async def write() -> None:
        for number in range(50):
            event = opened(finding(f"f_{number}"))
            await store.transact(lambda ledger, event=event: ledger.history.add([event]))  # type: ignore[misc]  # bound now

    writers = asyncio.gather(write(), write())
    position, seen = 0, 0
    while True:
        is_over = writers.done()
        found = await store.read(lambda ledger, at=position: ledger.history.after(at, 7))  # type: ignore[misc]  # bound now
        seen += len(found)
        position = found[-1][0] if found else position
        if is_over and not found:
            break
        await asyncio.sleep(0)
    await writers
    assert seen == 100


async def test_what_a_transaction_wrote_it_reads(store: Store) -> None:
    def write(ledger: Ledger) -> RunRecord | None:
        ledger.runs.put(run())
        return ledger.runs.get("standard-1")

    assert await store.transact(write) == run()


async def test_an_empty_store_answers_with_nothing(store: Store) -> None:
    assert await store.read(lambda ledger: ledger.runs.newest(0)) == []
    assert await store.read(lambda ledger: ledger.jobs.by_id([])) == {}
    assert await store.read(lambda ledger: ledger.history.last_position()) == 0


async def test_close_may_be_called_twice(store: Store) -> None:
    await store.close()
    await store.close()


async def test_a_probe_writes_and_changes_nothing_that_is_read(store: Store) -> None:
    await store.probe_write()
    await store.probe_write()
    assert await store.read(lambda ledger: ledger.runs.last_slots()) == {}
