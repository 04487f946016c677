"""The store in PostgreSQL: transactions that write alone, or beside each other; readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec
import psycopg

from stt_coordinator.store.port import Ledger, StoreError
from stt_coordinator.store.postgresql import faults, health
from stt_coordinator.store.postgresql import schema as schemas
from stt_coordinator.store.postgresql.address import Address, address_of
from stt_coordinator.store.postgresql.connecting import Password, StoreSession, connector
from stt_coordinator.store.postgresql.dialect import PostgresqlConnection, Types
from stt_coordinator.store.postgresql.locks import RowLocks
from stt_coordinator.store.postgresql.sessions import Session, Sessions
from stt_coordinator.store.sql_ledger import (
    begin_epoch,
    epoch_of,
    installation_of,
    probe_write,
    require_epoch,
    sql_ledger,
    transact,
)
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.protocol.coordinators import StoreHealth
from stt_shared.telemetry.logs import logger

T = TypeVar("T")
Connect = Callable[[], StoreSession]
READERS = 4  # sessions
WRITE_S = 90.0  # of a statement, after which its session is cut: longer than the server lets it run
READ_S = 30.0  # the same in a transaction that reads: pages wait for it
OPEN_S = 60.0  # of a statement before the store is open: longer than the wait for a lock
UPGRADE_S = 6 * 3600.0  # the same while migrations change a store, however large it is
HEALTH_S = 5.0  # for the condition of the store
PROBE_S = 10.0  # for the one row that shows that the store can be written
_LOG = logger("store")


class PostgresqlStore:
    """A store in one schema; made by `open_store`."""

    def __init__(self, address: Address, connect: Connect, identity: str, types: Types) -> None:
        self._address = address
        self._identity = identity
        self._types = types
        # One writer of each process waits for the lock, so that no reader lacks a session.
        self._writer = Sessions(partial(_counting, connect, address.schema), 1, hung_s=WRITE_S)
        self._reader = Sessions(partial(_reading, connect), READERS, hung_s=READ_S)
        self._is_closed = False
        self._is_reached = True
        self._epoch = 0

    @property
    def identity(self) -> str:
        return self._identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        def locked(connection: Session) -> T:
            # First of all: a coordinator that was deposed must not even wait for the other locks.
            self._enter(connection)
            # Before all reads: each later statement sees what the transactions before it committed,
            # and events become visible in the order of their positions.
            schemas.lock_writers(connection, self._address.schema)
            # Not in a pipeline: of a coordinator that is stopped in one the server does not end the
            # transaction as idle, and nobody else could begin an epoch.
            return transact(self._portable(connection), work, slot=connection.slot)

        return await self._run(self._writer, locked)

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        schema = self._address.schema

        def shared(connection: Session) -> T:
            # As above: first of all, and before all reads.
            self._enter(connection)
            schemas.share_writing(connection, schema)
            locks = RowLocks(connection, schemas.seed_of(schema))
            return transact(self._portable(connection), work, locks, connection.slot)

        return await self._run(self._writer, shared)

    def _enter(self, connection: Session) -> None:
        """Raise StoreDeposedError unless schema and epoch of the store are those of this program.

        Both stay as they are until the transaction ends.
        """
        schemas.enter(connection, self._address.schema)
        schemas.require_own(connection)
        require_epoch(self._portable(connection), self._epoch)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        return await self._run(self._reader, lambda one: work(sql_ledger(self._portable(one))))

    async def epoch(self) -> int:
        return await self._run(self._reader, lambda one: epoch_of(self._portable(one)))

    async def installation(self) -> str:
        return await self._run(self._reader, lambda one: installation_of(self._portable(one)))

    async def begin(self, epoch: int, installation: str = "") -> None:
        def begin(connection: Session) -> None:
            # Transactions that entered before commit before this one; later ones find its epoch.
            schemas.await_others(connection, self._address.schema)
            # A newer release may have upgraded the store since it was opened.
            schemas.require_own(connection)
            begin_epoch(self._portable(connection), epoch, installation)

        await self._run(self._writer, begin)
        self._epoch = epoch

    async def join(self, epoch: int) -> None:
        await self._run(self._reader, lambda one: require_epoch(self._portable(one), epoch))
        self._epoch = epoch

    async def probe_write(self) -> None:
        at = clock.now()

        def fenced(connection: Session) -> None:
            self._enter(connection)
            probe_write(self._portable(connection), at)

        try:
            # Less than systemd's watchdog waits: restarting this process mends no server.
            async with asyncio.timeout(PROBE_S):
                await self._run(self._writer, fenced)
        except TimeoutError as error:
            place = self._address.place
            raise StoreError(f"the store {place} has not answered for {PROBE_S:g} s") from error

    async def health(self, *, whole: bool = True) -> StoreHealth:
        del whole  # nothing of it takes long
        found = StoreHealth(
            kind="postgresql",
            path=self._address.place,
            knows=schemas.newest(),
            looked=clock.now(),
        )

        def read(connection: psycopg.Connection) -> StoreHealth:
            return health.read(connection, self._address, found)

        try:
            async with asyncio.timeout(HEALTH_S):
                return await self._run(self._reader, read)
        except StoreError as error:
            return msgspec.structs.replace(found, fault=error.message)
        except TimeoutError:
            return msgspec.structs.replace(found, fault=f"no answer within {HEALTH_S:g} s")

    def _portable(self, connection: psycopg.Connection) -> PostgresqlConnection:
        return PostgresqlConnection(connection, self._types)

    async def _run(self, sessions: Sessions, work: Callable[[Session], T]) -> T:
        if self._is_closed:
            raise StoreError(f"the store {self._address.place} is closed")
        try:
            found = await sessions.run(work)
        except psycopg.Error as error:
            self._note_error(error)
            if isinstance(error, psycopg.errors.LockNotAvailable):
                await self._end_stopped()
            raise faults.store_error(self._address, error) from error
        except ConfigError as error:  # the password cannot be read now
            raise StoreError(error.message, hint=error.hint) from error
        if not self._is_reached:
            self._is_reached = True
            _LOG.info("store_reached", store=self._address.place)
        return found

    async def _end_stopped(self) -> None:
        """Have the next attempt find the lock free if a coordinator was stopped with it."""
        with suppress(psycopg.Error, ConfigError):  # tried again with the next attempt
            await self._reader.run(lambda one: schemas.end_stopped(one, self._address.schema))

    def _note_error(self, error: psycopg.Error) -> None:
        """Log that the server does not answer: one line, however many tasks meet it."""
        if faults.is_unreachable(error) and self._is_reached:
            self._is_reached = False
            reason = faults.reason_of(error)
            _LOG.error("store_unreachable", store=self._address.place, reason=reason)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._reader.close()
            await self._writer.close()


def _writing(connect: Connect) -> Session:
    connection = connect()
    # Not as the database has it by default: a snapshot older than the writers' lock would miss
    # what the transaction before wrote.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def _counting(connect: Connect, schema: str) -> Session:
    connection = _writing(connect)
    connection.slot = schemas.take_slot(connection, schema)
    connection.commit()
    return connection


def _reading(connect: Connect) -> Session:
    connection = connect()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


async def open_store(
    url: str,
    schema: str = schemas.SCHEMA,
    *,
    password: Password | None = None,
    makes: bool = True,
    upgrades: bool = True,
) -> PostgresqlStore:
    """The store at `url`, with `makes` made if need be, and with `upgrades` upgraded.

    An upgrade deposes the coordinators that write. Raises ConfigError for what only a person can
    correct: the address, a right, a version; and StoreError if the server does not answer now.
    """
    address = address_of(url, schema)
    connect = connector(address, password)

    def prepare(connection: psycopg.Connection) -> tuple[str, Types]:
        open_schema = schemas.upgrade if upgrades else schemas.find
        identity = open_schema(connection, address, makes=makes)
        schemas.refuse_older(connection, address)
        return identity, schemas.column_types(connection, address.schema)

    identity, types = await _opening(address, connect, prepare, upgrades=upgrades)
    return PostgresqlStore(address, connect, identity, types)


async def identity_of(
    url: str, schema: str = schemas.SCHEMA, *, password: Password | None = None
) -> str:
    """The id of the store at `url`, which is made if there is none, but never upgraded.

    Raises as `open_store`.
    """
    address = address_of(url, schema)
    connect = connector(address, password)
    return await _opening(address, connect, lambda one: schemas.find(one, address))


async def _opening(
    address: Address,
    connect: Connect,
    prepare: Callable[[psycopg.Connection], T],
    *,
    upgrades: bool = False,
) -> T:
    """What `prepare` returns in a session of its own, which is cut if the server is silent."""
    # A server that is silent after the log-in would hold up the start or a take-over for ever.
    opening = Sessions(partial(_writing, connect), 1, hung_s=OPEN_S)
    try:
        version = await opening.run(lambda one: schemas.version_in(one, address.schema))
        await _refuse_shared(opening, connect)
        if upgrades and 0 < version < schemas.newest():
            opening.hung_s = UPGRADE_S
        return await opening.run(prepare)
    except psycopg.Error as error:
        if isinstance(error, psycopg.errors.LockNotAvailable):
            with suppress(psycopg.Error, ConfigError):  # tried again with the next attempt
                await opening.run(lambda one: schemas.end_stopped(one, address.schema))
        refused = faults.refusal(address, error)
        raise refused or faults.store_error(address, error) from error
    finally:
        await opening.close()


async def _refuse_shared(first: Sessions, connect: Connect) -> None:
    """Raise ConfigError behind a pooler that has one session of the server for two of ours.

    One in transaction mode does: the first is between two transactions when the second is set up.
    """
    if not await first.run(lambda one: isinstance(one, StoreSession) and one.is_pooled):
        return
    second = Sessions(connect, 1, hung_s=first.hung_s)
    try:
        await second.run(lambda _: None)
        await first.run(lambda _: None)
    finally:
        await second.close()
