"""The store in PostgreSQL: one transaction that writes at a time, readers beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from stt_coordinator.store.port import (
    Ledger,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from stt_coordinator.store.postgresql import schema as schemas
from stt_coordinator.store.postgresql.address import Address, address_of
from stt_coordinator.store.postgresql.dialect import PostgresqlConnection, Types
from stt_coordinator.store.sql.ledger import probe_write, sql_ledger, transact
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.protocol.queries.health import StoreHealth

T = TypeVar("T")
Pool = ConnectionPool[psycopg.Connection]
READERS = 4  # connections, and threads that wait for them
POOL_S = 15.0  # wait for a connection, also while it is made anew
TRIES = 3  # of a transaction that PostgreSQL gave up to end a deadlock
_ERRORS: tuple[tuple[type[psycopg.Error], type[StoreError], str], ...] = (
    (errors.DiskFull, StoreFullError, "make room on the server's disk; no result is lost"),
    (errors.ReadOnlySqlTransaction, StoreReadOnlyError, "name the primary server, not a standby"),
    (errors.InsufficientPrivilege, StoreReadOnlyError, "let the coordinator's role own the schema"),
    (errors.LockNotAvailable, StoreBusyError, "another session holds a lock of the store"),
)


class PostgresqlStore:
    """A store in one schema; made by `open_store`."""

    def __init__(self, address: Address, identity: str, types: Types) -> None:
        self._address = address
        self._identity = identity
        self._types = types
        # One writer of each process waits for the lock, so that no reader lacks a connection.
        self._writer = _Sessions(_pool(address, 1, _writes))
        self._reader = _Sessions(_pool(address, READERS, _reads))
        self._is_closed = False

    @property
    def identity(self) -> str:
        return self._identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        def locked(connection: psycopg.Connection) -> T:
            # First of all: each later statement sees what the transactions before it committed,
            # and events become visible in the order of their positions.
            schemas.lock_writers(connection, self._address.schema)
            return transact(PostgresqlConnection(connection, self._types), work)

        return await self._run(self._writer, locked)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        return await self._run(
            self._reader, lambda one: work(sql_ledger(PostgresqlConnection(one, self._types)))
        )

    async def probe_write(self) -> None:
        at = clock.now()
        await self._run(
            self._writer, lambda one: probe_write(PostgresqlConnection(one, self._types), at)
        )

    async def health(self) -> StoreHealth:
        found = StoreHealth(path=self._address.place, knows=schemas.newest(), looked=clock.now())
        try:
            size, version = await self._run(self._reader, self._size)
        except StoreError as error:
            return StoreHealth(path=found.path, knows=found.knows, sound=None, fault=error.message)
        # PostgreSQL checks its own pages; that its tables answer is all that is known here.
        return StoreHealth(
            path=found.path,
            knows=found.knows,
            looked=found.looked,
            sound=True,
            version=version,
            size_bytes=size,
        )

    def _size(self, connection: psycopg.Connection) -> tuple[int, int]:
        found = connection.execute(schemas.SQL["size"], (self._address.schema,)).fetchone()
        return (int(found[0]), int(found[1])) if found else (0, 0)

    async def _run(self, sessions: _Sessions, work: Callable[[psycopg.Connection], T]) -> T:
        if self._is_closed:
            raise StoreError(f"the store {self._address.place} is closed")
        try:
            return await sessions.run(work)
        except psycopg.Error as error:
            raise _store_error(self._address, error) from error

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._reader.close()
            await self._writer.close()


class _Sessions:
    """A pool of connections, and as many threads that run whole transactions on them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._threads = ThreadPoolExecutor(pool.max_size, thread_name_prefix="store-postgresql")

    async def run(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Run `work` in a transaction; raises psycopg.Error and what `work` raises."""
        loop, context = asyncio.get_running_loop(), copy_context()
        done = loop.run_in_executor(self._threads, lambda: context.run(self._repeated, work))
        # Shielded: a cancelled caller must not drop a transaction that waits for its turn.
        return await asyncio.shield(done)

    def _repeated(self, work: Callable[[psycopg.Connection], T]) -> T:
        for _ in range(TRIES - 1):
            try:
                return self._once(work)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                continue  # nothing of it was kept
        return self._once(work)

    def _once(self, work: Callable[[psycopg.Connection], T]) -> T:
        # The pool's block commits at its end, or rolls back if `work` raises.
        with self._pool.connection() as connection:
            return work(connection)

    async def close(self) -> None:
        """Close the connections after the transactions that came before."""
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._pool.close)


def _pool(address: Address, size: int, configure: Callable[[psycopg.Connection], None]) -> Pool:
    return ConnectionPool(
        kwargs=dict(address.parameters),
        min_size=1,
        max_size=size,
        timeout=POOL_S,
        num_workers=1,
        configure=configure,
        # A connection that broke while it was idle is replaced, and nobody meets its error.
        check=ConnectionPool.check_connection,
        open=True,
    )


def _writes(connection: psycopg.Connection) -> None:
    # Not as the database has it by default: a snapshot older than the writers' lock would miss
    # what the transaction before wrote.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED


def _reads(connection: psycopg.Connection) -> None:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _store_error(address: Address, error: psycopg.Error) -> StoreError:
    reason = error.diag.message_primary or str(error).strip()
    if isinstance(error, (PoolTimeout, PoolClosed)):
        reason = "no connection to the server"
    for kind, raised, hint in _ERRORS:
        if isinstance(error, kind):
            return raised(f"cannot use the store {address.place} ({reason})", hint=hint)
    return StoreError(f"cannot use the store {address.place} ({reason})")


async def open_store(url: str, schema: str = schemas.SCHEMA) -> PostgresqlStore:
    """The store at `url`, made or upgraded if need be.

    Raises ConfigError if it cannot be reached or written, or if a newer version made it.
    """
    address = address_of(url, schema)

    def prepare() -> tuple[str, Types]:
        with psycopg.connect("", autocommit=True, **address.parameters) as connection:  # type: ignore[arg-type]  # libpq's own names
            identity = schemas.upgrade(connection, address)
            return identity, schemas.column_types(connection, address.schema)

    try:
        identity, types = await asyncio.to_thread(prepare)
    except psycopg.Error as error:
        found = _store_error(address, error)
        raise ConfigError(found.message, hint=found.hint) from error
    return PostgresqlStore(address, identity, types)
