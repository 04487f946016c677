"""Of two coordinators on one schema the one of the later epoch writes, whatever the other does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import Ledger, StoreBusyError, StoreDeposedError
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import run

Pair = tuple[PostgresqlStore, PostgresqlStore]


@pytest.fixture
async def stores(store_server: Running) -> AsyncGenerator[Pair]:
    url, name = database(store_server), fresh_schema()
    first, second = await open_store(url, name), await open_store(url, name)
    await first.begin(1)
    yield first, second
    await first.close()
    await second.close()


async def test_whoever_was_deposed_writes_no_more_and_still_reads(stores: Pair) -> None:
    first, second = stores
    await first.transact(lambda ledger: ledger.runs.put(run()))
    await second.begin(2)
    with pytest.raises(StoreDeposedError, match=r"since epoch 2: this one had epoch 1"):
        await first.transact(lambda ledger: ledger.runs.put(run("late")))
    assert await first.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    await second.transact(lambda ledger: ledger.runs.put(run()))


async def test_a_transaction_under_way_ends_before_the_next_epoch_begins(stores: Pair) -> None:
    first, second = stores
    inside, goes_on = threading.Event(), threading.Event()

    def paused(ledger: Ledger) -> None:
        ledger.runs.put(run())
        inside.set()
        goes_on.wait(10)

    late = asyncio.create_task(first.transact(paused))
    await asyncio.to_thread(inside.wait, 10)
    begun = asyncio.create_task(second.begin(2))
    await asyncio.sleep(0.3)
    assert not begun.done()
    goes_on.set()
    await begun
    assert late.done()
    assert await second.read(lambda ledger: ledger.runs.newest(9)) == [run()]


async def test_a_coordinator_that_cannot_begin_in_time_gets_an_error_and_deposes_nobody(
    stores: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BEGIN_MS", 200)
    first, second = stores
    inside, goes_on = threading.Event(), threading.Event()

    def paused(_ledger: Ledger) -> None:
        inside.set()
        goes_on.wait(10)

    late = asyncio.create_task(first.transact(paused))
    await asyncio.to_thread(inside.wait, 10)
    with pytest.raises(StoreBusyError, match="lock timeout"):
        await second.begin(2)
    goes_on.set()
    await late
    await first.transact(lambda ledger: ledger.runs.put(run()))
    assert await second.epoch() == 1
