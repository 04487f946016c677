"""Connections to a SQLite file: durable writers, readers that cannot write, whole transactions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stt_shared.sqlite.connection import file_as_it_is, open_reader, open_writer, transaction
from stt_shared.sqlite.faults import Fault, fault_of
from stt_shared.sqlite.migrations import Schema

SCHEMA = Schema(what="store", owner="coordinator", scripts=("CREATE TABLE t (x INTEGER UNIQUE);",))
BUSY_S = 0.05


def writer(path: Path, *pragmas: str) -> sqlite3.Connection:
    return open_writer(path, SCHEMA, busy_s=BUSY_S, pragmas=pragmas)


def rows(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


def test_a_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    with closing(writer(tmp_path / "a.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_transaction_that_raises_keeps_nothing(tmp_path: Path) -> None:
    with closing(writer(tmp_path / "a.db")) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.executemany("INSERT INTO t VALUES (?)", [(1,), (1,)])
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (2)")
        assert rows(connection) == 1


def test_an_exclusive_writer_keeps_every_other_process_out(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(writer(path, "locking_mode = EXCLUSIVE")):
        with pytest.raises(sqlite3.OperationalError) as caught:
            writer(path)
        assert fault_of(caught.value) is Fault.BUSY


def test_readers_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(writer(path)) as writing, closing(open_reader(path, busy_s=BUSY_S)) as reading:
        with pytest.raises(sqlite3.OperationalError) as caught:
            reading.execute("INSERT INTO t VALUES (1)")
        assert fault_of(caught.value) is Fault.READ_ONLY
        writing.execute("INSERT INTO t VALUES (1)")
        assert rows(reading) == 1


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(sqlite3.OperationalError), file_as_it_is(path):
        pass
    assert not path.exists()


def test_a_full_file_is_distinguished_from_an_error_of_a_statement(tmp_path: Path) -> None:
    with closing(writer(tmp_path / "a.db")) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError) as full, transaction(connection):
            connection.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(10_000)))
        assert fault_of(full.value) is Fault.FULL
        with pytest.raises(sqlite3.OperationalError) as wrong:
            connection.execute("SELECT nothing FROM nowhere")
        assert fault_of(wrong.value) is Fault.OTHER
