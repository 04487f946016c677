"""Connections to a SQLite file: one that writes durably, one that only reads, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from stt_shared.sqlite.migrations import Schema


def open_writer(
    path: Path, schema: Schema, *, busy_s: float, pragmas: tuple[str, ...] = ()
) -> sqlite3.Connection:
    """A connection in autocommit mode to `path`, made and upgraded if need be.

    It waits up to `busy_s` for a lock of another process. A commit survives a power failure.
    Raises sqlite3.Error, and ConfigError as `Schema.upgrade`; then nothing stays open.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=busy_s)
    try:
        # `pragmas` first: a locking mode set after WAL does not keep other processes out.
        # FULL: with NORMAL a commit in WAL mode is lost when the power fails.
        for pragma in (*pragmas, "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")
        schema.upgrade(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """A connection in autocommit mode that cannot write; raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=busy_s)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def file_as_it_is(path: Path) -> Generator[sqlite3.Connection]:
    """A connection that changes nothing at `path`, not even its name; raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Generator[None]:
    """Commit what the block writes, or keep nothing of it if it raises."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors, a full disk among them, have rolled back already.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
