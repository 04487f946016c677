"""The store in a SQLite file: one writer, one reader, a whole transaction in one thread hop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import TypeVar

import aiosqlite

from stt_coordinator.store.port import (
    Ledger,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from stt_coordinator.store.sqlite import health as sqlite_health
from stt_coordinator.store.sqlite.ledger import SqliteLedger
from stt_shared import clock, sqlfile
from stt_shared.errors import ConfigError
from stt_shared.protocol.health import StoreHealth

T = TypeVar("T")
FILE = "coordinator.db"
LOCK = "coordinator.lock"
BUSY_S = 5.0  # how long a lock of somebody else, as of a backup, is waited for
CACHE_KIB = 65_536
HEALTH_S = 60.0  # how long what was read of all pages stands, whoever asks how often
_MIGRATIONS = sqlfile.migrations(sqlfile.folder("stt_coordinator.store") / "migrations")
VERSION = len(_MIGRATIONS)  # of the schema
# A result code's low byte is its kind; the rest tells variants apart.
_KIND = 0xFF
_ERRORS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (StoreFullError, "make room on the disk; nothing that came is lost"),
    sqlite3.SQLITE_IOERR: (StoreError, "look at the disk and its file system"),
    sqlite3.SQLITE_READONLY: (StoreReadOnlyError, "let the coordinator's user write it"),
    sqlite3.SQLITE_PERM: (StoreReadOnlyError, "let the coordinator's user write it"),
    sqlite3.SQLITE_BUSY: (StoreBusyError, "let go of the file: it is the coordinator's alone"),
    sqlite3.SQLITE_LOCKED: (StoreBusyError, "let go of the file: it is the coordinator's alone"),
}


class SqliteStore:
    """A store in one file; made by `open_store`."""

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection, lock: int
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._looking = asyncio.Lock()
        self._health: tuple[float, StoreHealth] | None = None

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        return await self._hop(self._writer, work, "BEGIN IMMEDIATE")

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        return await self._hop(self._reader, work, "BEGIN")

    async def _hop(
        self, connection: aiosqlite.Connection, work: Callable[[Ledger], T], begin: str
    ) -> T:
        if self._lock < 0:
            raise StoreError(f"the store {self._path} is closed")
        try:
            # The public methods hop once per statement: 3 times slower for a batch.
            done: Awaitable[T] = connection._execute(  # type: ignore[no-untyped-call]  # noqa: SLF001
                copy_context().run,  # for the lines that `work` writes in the thread
                lambda: _whole(connection._conn, work, begin),  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            )
            # A cancelled caller must not leave while its transaction is being written.
            return await asyncio.shield(done)
        except sqlite3.Error as error:
            raise _named(self._path, error) from error

    async def health(self) -> StoreHealth:
        """See the port."""
        async with self._looking:
            if self._health is None or clock.monotonic() - self._health[0] > HEALTH_S:
                found = await asyncio.to_thread(sqlite_health.pages, self._path, VERSION)
                self._health = clock.monotonic(), found
            return sqlite_health.with_sizes(self._health[1], self._path)

    async def close(self) -> None:
        """See the port."""
        if self._lock < 0:
            return
        lock, self._lock = self._lock, -1
        await self._reader.close()
        await self._writer.close()
        os.close(lock)


def _whole(connection: sqlite3.Connection, work: Callable[[Ledger], T], begin: str) -> T:
    connection.execute(begin)
    try:
        found = work(SqliteLedger(connection))
        connection.execute("COMMIT")
    except BaseException:
        # Some errors, a full disk among them, have rolled back already.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
    return found


def _named(path: Path, error: Exception) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & _KIND
    kind, hint = _ERRORS.get(code, (StoreError, ""))
    return kind(f"cannot use the store {path} ({error})", hint=hint)


async def open_store(directory: Path) -> SqliteStore:
    """The store in `directory`, made if need be.

    Raises ConfigError if another coordinator uses the folder, if it cannot be written, or if a
    newer version made it.
    """
    lock = locked(directory)
    path = directory / FILE
    writer = aiosqlite.connect(path, isolation_level=None, timeout=BUSY_S)
    reader = aiosqlite.connect(path, isolation_level=None, timeout=BUSY_S)
    try:
        await _opened(writer, reader, path)
    except BaseException:
        with suppress(ValueError):
            await writer.close()
        with suppress(ValueError):
            await reader.close()
        os.close(lock)
        raise
    return SqliteStore(path, writer, reader, lock)


def locked(directory: Path) -> int:
    """The descriptor that keeps a folder for one process; raises ConfigError if it is taken."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot use the state folder {directory} ({(error.strerror or '').lower()})",
            hint="name another: --state-dir or STT_COORDINATOR_STATE_DIR",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise ConfigError(
            f"another coordinator uses the state folder {directory}",
            hint="stop it, or give this one a folder of its own: --state-dir",
        ) from error
    return lock


async def _opened(writer: aiosqlite.Connection, reader: aiosqlite.Connection, path: Path) -> None:
    try:
        await writer
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"cache_size = -{CACHE_KIB}"):
            await writer.execute(f"PRAGMA {pragma}")
        await _migrate(writer, path)
        await reader
        await reader.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        found = _named(path, error)
        raise ConfigError(found.message, hint=found.hint) from error


async def _migrate(writer: aiosqlite.Connection, path: Path) -> None:
    """Apply what is missing, all of it or nothing."""
    ((version,),) = await writer.execute_fetchall("PRAGMA user_version")
    if version > len(_MIGRATIONS):
        raise ConfigError(
            f"the store {path} has version {version}, this program knows up to {len(_MIGRATIONS)}",
            hint="it was made by a newer coordinator: use that one, or another folder",
        )
    await writer.executescript(sqlfile.upgrade(_MIGRATIONS, version))
