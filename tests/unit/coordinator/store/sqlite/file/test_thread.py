"""The thread of a connection: calls in order, each whole, and an end that waits for them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stt_coordinator.store.sqlite.file.thread import ConnectionThread
from stt_shared.sqlite.connection import open_writer
from stt_shared.sqlite.migrations import Schema

SCHEMA = Schema(what="store", owner="coordinator", scripts=("CREATE TABLE t (x INTEGER UNIQUE);",))


def writer(path: Path) -> sqlite3.Connection:
    return open_writer(path, SCHEMA, busy_s=0.05)


def rows(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


async def test_calls_of_a_thread_run_in_order_and_end_with_its_connection(tmp_path: Path) -> None:
    thread = ConnectionThread()
    await thread.open(lambda: writer(tmp_path / "a.db"))
    await thread.call(lambda connection: connection.execute("INSERT INTO t VALUES (1)"))
    assert await thread.call(rows) == 1
    await thread.close()
    await thread.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        await thread.call(rows)


async def test_a_thread_whose_connection_cannot_be_made_can_be_closed(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database" * 1_000)
    thread = ConnectionThread()
    with pytest.raises(sqlite3.DatabaseError):
        await thread.open(lambda: writer(tmp_path / "a.db"))
    await thread.close()
