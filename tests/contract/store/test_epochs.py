"""Once a later epoch has begun in a store, no coordinator of an earlier one writes it any more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store, StoreDeposedError
from stt_coordinator.store.postgresql.store import PostgresqlStore
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import SqliteStore
from tests.support.coordinator.store_rows import run


async def test_a_store_without_an_epoch_is_written_and_has_none(store: Store) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))
    assert await store.epoch() == 0


async def test_the_epoch_is_kept_and_never_goes_back(store: Store) -> None:
    await store.begin(4)
    await store.begin(4)  # again, as after an answer that got lost
    await store.begin(7)
    with pytest.raises(StoreDeposedError, match="epoch 7"):
        await store.begin(5)
    assert await store.epoch() == 7
    await store.transact(lambda ledger: ledger.runs.put(run()))


async def test_an_epoch_is_of_one_installation(store: Store) -> None:
    assert await store.installation() == ""
    await store.begin(4, "ours")
    await store.begin(4, "ours")
    with pytest.raises(StoreDeposedError, match="epoch 4"):
        await store.begin(4, "theirs")
    assert await store.installation() == "ours"
    await store.begin(5, "theirs")  # whoever adopts it
    assert await store.installation() == "theirs"


async def put_epoch(store: Store, folder: Path, epoch: int) -> None:
    """Change the epoch behind the back of `store`, as another process or a recovery does."""
    statement = f"UPDATE write_epoch SET epoch = {epoch}"
    if isinstance(store, MemoryStore):
        store.kept.epoch = epoch
    elif isinstance(store, SqliteStore):
        with closing(sqlite3.connect(folder / FILE)) as connection, connection:
            connection.execute(statement)
    else:
        assert isinstance(store, PostgresqlStore)
        await store._run(store._writer, lambda one: one.execute(statement.encode()))


@pytest.mark.parametrize("other", [9, 6], ids=["later", "earlier"])
async def test_in_another_epoch_than_its_own_a_coordinator_commits_nothing(
    store: Store, tmp_path: Path, other: int
) -> None:
    await store.begin(7)
    await store.transact(lambda ledger: ledger.runs.put(run()))
    await put_epoch(store, tmp_path, other)
    with pytest.raises(StoreDeposedError, match=f"epoch {other}"):
        await store.transact(lambda ledger: ledger.runs.put(run("late")))
    with pytest.raises(StoreDeposedError, match=f"epoch {other}"):
        await store.probe_write()
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    await store.begin(10)
    await store.transact(lambda ledger: ledger.runs.put(run("r2")))


async def test_whoever_joins_an_epoch_writes_in_it_and_in_no_other(
    store: Store, tmp_path: Path
) -> None:
    await store.begin(7)
    with pytest.raises(StoreDeposedError, match="epoch 7"):
        await store.join(6)
    with pytest.raises(StoreDeposedError, match="epoch 7"):
        await store.join(8)
    await store.join(7)
    await store.transact(lambda ledger: ledger.runs.put(run()))
    for other in (8, 6):
        await put_epoch(store, tmp_path, other)
        for write in (store.transact, store.transact_beside):
            with pytest.raises(StoreDeposedError, match=f"epoch {other}"):
                await write(lambda ledger: ledger.runs.put(run("late")))
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]
