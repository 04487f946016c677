"""What only the SQLite store can get wrong: its file, its versions, its disk."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stt_coordinator.store.port import (
    Ledger,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import SqliteStore, open_store
from stt_shared.bus.values import Outgoing
from stt_shared.errors import ConfigError


def big(ledger: Ledger) -> None:
    ledger.outbox.add([Outgoing(subject="s", data=bytes(4096)) for _ in range(200)])


def page_count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


async def limited(store: SqliteStore, statement: str) -> None:
    """Have the writing connection meet a limit as a disk would set it."""
    await store._writer.call(lambda connection: connection.execute(statement))


async def test_what_was_written_is_there_after_the_store_was_opened_again(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.transact(big)
    await store.close()
    store = await open_store(tmp_path)
    assert len(await store.read(lambda ledger: ledger.outbox.oldest(999))) == 200
    await store.close()


async def test_migrations_are_applied_once_and_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        await (await open_store(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version == SCHEMA.version > 0


async def test_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(ConfigError, match="version 999, this program knows up to"):
        await open_store(tmp_path)


async def test_file_that_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(ConfigError, match="cannot use the store"):
        await open_store(tmp_path)


async def test_second_coordinator_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    with pytest.raises(ConfigError, match="another coordinator uses the state folder"):
        await open_store(tmp_path)
    await store.close()
    await (await open_store(tmp_path)).close()


async def test_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot use the state folder"):
        await open_store(tmp_path / "file" / "folder")


async def test_every_probe_writes_so_that_a_store_that_became_read_only_is_noticed(
    tmp_path: Path,
) -> None:
    store = await open_store(tmp_path)
    await store.probe_write()
    await store.probe_write()
    await limited(store, "PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnlyError):
        await store.probe_write()
    await limited(store, "PRAGMA query_only = OFF")
    await store.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM write_probe").fetchone() == (1,)


async def test_full_disk_is_named_keeps_nothing_and_ends_with_the_next_room(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    pages = await store._writer.call(page_count)
    await limited(store, f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(StoreFullError, match="full") as caught:
        await store.transact(big)
    assert caught.value.hint
    assert await store.read(lambda ledger: ledger.outbox.oldest(9)) == []
    await limited(store, "PRAGMA max_page_count = 100000")
    await store.transact(big)
    assert len(await store.read(lambda ledger: ledger.outbox.oldest(9))) == 9
    await store.close()


async def test_store_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await limited(store, "PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnlyError):
        await store.transact(big)
    await store.close()


async def test_store_that_somebody_else_holds_is_named(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await limited(store, "PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError):
            await store.transact(big)
        other.execute("ROLLBACK")
    await store.transact(big)
    await store.close()


async def test_closed_store_says_so(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.transact(big)


async def test_cancelled_caller_does_not_cut_its_transaction_in_half(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    task = asyncio.create_task(store.transact(big))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    number = len(await store.transact(lambda ledger: ledger.outbox.oldest(999)))
    assert number in (0, 200)
    await store.close()


async def test_reading_connection_cannot_write(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    with pytest.raises(StoreReadOnlyError):
        await store.read(big)
    await store.close()


async def test_readers_see_one_state_while_a_transaction_is_being_written(tmp_path: Path) -> None:
    store = await open_store(tmp_path)

    async def write() -> None:
        for _ in range(20):
            await store.transact(big)

    writing = asyncio.create_task(write())
    seen: set[int] = set()
    while not writing.done():
        seen.add(len(await store.read(lambda ledger: ledger.outbox.oldest(9999))))
    await writing
    assert all(number % 200 == 0 for number in seen)
    await store.close()
