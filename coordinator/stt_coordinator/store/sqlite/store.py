"""The store in a SQLite file: one writer, one reader, a whole transaction in one thread hop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from stt_coordinator.store.port import (
    Ledger,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from stt_coordinator.store.sql_ledger import (
    begin_epoch,
    epoch_of,
    installation_of,
    probe_write,
    require_epoch,
    sql_ledger,
    transact,
)
from stt_coordinator.store.sqlite.dialect import SqliteConnection
from stt_coordinator.store.sqlite.file import health as file_health
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA, locked
from stt_coordinator.store.sqlite.file.identity import identity as identity_of
from stt_coordinator.store.sqlite.file.thread import ConnectionThread
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.protocol.coordinators import StoreHealth
from stt_shared.sqlite.connection import open_reader, open_writer, transaction
from stt_shared.sqlite.faults import Fault, fault_of

T = TypeVar("T")
BUSY_S = 5.0  # wait for the lock of another process, as of a backup
CACHE_KIB = 65_536
HEALTH_S = 60.0  # the result of reading all pages is kept that long
_HOLDER = "release the file: the coordinator must be its only user"
_OWNER = "let the coordinator's user write it"
_ERRORS: dict[Fault, tuple[type[StoreError], str]] = {
    Fault.FULL: (StoreFullError, "make room on the disk; no result is lost"),
    Fault.DISK: (StoreError, "check the disk and its file system"),
    Fault.READ_ONLY: (StoreReadOnlyError, _OWNER),
    Fault.BUSY: (StoreBusyError, _HOLDER),
    Fault.OTHER: (StoreError, ""),
}


class SqliteStore:
    """A store in one file; made by `open_store`."""

    def __init__(
        self,
        path: Path,
        writer: ConnectionThread,
        reader: ConnectionThread,
        lock: int,
        identity: str,
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._identity = identity
        self._looking = asyncio.Lock()
        self._health: tuple[float, StoreHealth] | None = None
        self._epoch = 0

    @property
    def identity(self) -> str:
        return self._identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        def fenced(connection: sqlite3.Connection) -> T:
            # For a file on a network file system, whose locks another machine may not see.
            require_epoch(SqliteConnection(connection), self._epoch)
            return transact(SqliteConnection(connection), work)

        # IMMEDIATE: work that reads before it writes would fail as busy instead of waiting.
        return await self._run(self._writer, fenced, "BEGIN IMMEDIATE")

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        return await self.transact(work)  # a file has one writer

    async def read(self, work: Callable[[Ledger], T]) -> T:
        # BEGIN: without it each statement of `work` would see a state of its own.
        return await self._run(
            self._reader, lambda one: work(sql_ledger(SqliteConnection(one))), "BEGIN"
        )

    async def epoch(self) -> int:
        return await self._run(self._reader, lambda one: epoch_of(SqliteConnection(one)), "BEGIN")

    async def installation(self) -> str:
        return await self._run(
            self._reader, lambda one: installation_of(SqliteConnection(one)), "BEGIN"
        )

    async def begin(self, epoch: int, installation: str = "") -> None:
        await self._run(
            self._writer,
            lambda one: begin_epoch(SqliteConnection(one), epoch, installation),
            "BEGIN IMMEDIATE",
        )
        self._epoch = epoch

    async def join(self, epoch: int) -> None:
        await self._run(
            self._reader, lambda one: require_epoch(SqliteConnection(one), epoch), "BEGIN"
        )
        self._epoch = epoch

    async def probe_write(self) -> None:
        at = clock.now()

        def fenced(connection: sqlite3.Connection) -> None:
            require_epoch(SqliteConnection(connection), self._epoch)
            probe_write(SqliteConnection(connection), at)

        await self._run(self._writer, fenced, "BEGIN IMMEDIATE")

    async def _run(
        self, thread: ConnectionThread, work: Callable[[sqlite3.Connection], T], begin: str
    ) -> T:
        def whole(connection: sqlite3.Connection) -> T:
            with transaction(connection, begin):
                return work(connection)

        if self._lock < 0:
            raise StoreError(f"the store {self._path} is closed")
        try:
            return await thread.call(whole)
        except sqlite3.Error as error:
            raise _store_error(self._path, error) from error

    async def health(self, *, whole: bool = True) -> StoreHealth:
        if not whole:
            found = file_health.unread(self._path, SCHEMA.version)
            return file_health.with_sizes(found, self._path)
        # One at a time: each of several that ask at once would read the whole file.
        async with self._looking:
            if self._health is None or clock.monotonic() - self._health[0] > HEALTH_S:
                found = await asyncio.to_thread(file_health.pages, self._path, SCHEMA.version)
                self._health = clock.monotonic(), found
            return file_health.with_sizes(self._health[1], self._path)

    async def close(self) -> None:
        if self._lock < 0:
            return
        # The lock last: a next coordinator must not open the file while this one still writes it.
        lock, self._lock = self._lock, -1
        await self._reader.close()
        await self._writer.close()
        os.close(lock)


def _store_error(path: Path, error: Exception) -> StoreError:
    kind, hint = _ERRORS[fault_of(error)]
    return kind(f"cannot use the store {path} ({error})", hint=hint)


async def open_store(directory: Path) -> SqliteStore:
    """The store in `directory`, made if need be.

    Raises ConfigError if another coordinator uses the folder (FolderInUseError), if it cannot be
    written, or if a newer version made it.
    """
    # Before the file is opened: its owner may be writing it, and opening would migrate it.
    lock = locked(directory)
    path = directory / FILE
    writer, reader = ConnectionThread(), ConnectionThread()
    try:
        identity = await _open(writer, reader, path)
    except BaseException:
        await reader.close()
        await writer.close()
        os.close(lock)
        raise
    return SqliteStore(path, writer, reader, lock, identity)


async def _open(writer: ConnectionThread, reader: ConnectionThread, path: Path) -> str:
    pragmas = (f"cache_size = -{CACHE_KIB}",)
    try:
        # The writer first: it makes the file and its tables, which a reader cannot.
        await writer.open(lambda: open_writer(path, SCHEMA, busy_s=BUSY_S, pragmas=pragmas))
        await reader.open(lambda: open_reader(path, busy_s=BUSY_S))
        return await reader.call(identity_of)
    except sqlite3.Error as error:
        found = _store_error(path, error)
        raise ConfigError(found.message, hint=found.hint) from error
