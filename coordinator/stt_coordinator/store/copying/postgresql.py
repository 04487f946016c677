"""A store in PostgreSQL as source or target of a copy."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from stt_coordinator.store.copying.copy import is_empty
from stt_coordinator.store.copying.port import Key, Row, Table
from stt_coordinator.store.copying.sqlite import check_version, tables_of
from stt_coordinator.store.port import StoreError, StoreFullError
from stt_coordinator.store.postgresql import faults
from stt_coordinator.store.postgresql import schema as schemas
from stt_coordinator.store.postgresql.address import APPLICATION, Address, address_of
from stt_coordinator.store.postgresql.connecting import MARK, MARK_BYTES
from stt_coordinator.store.postgresql.dialect import storable
from stt_coordinator.store.sqlite.file.backup import SET_ASIDE
from stt_shared import clock, sqlfile
from stt_shared.errors import ConfigError, UnreachableError

SCHEMA = schemas.SCHEMA
OWN_NAME = "stt-store-copy"  # of our sessions
UNFINISHED = f"{SCHEMA}_copy"  # the schema until the copy is complete
LEFT_S = 3.0  # wait for sessions that have ended: the server lists them for a moment
_FILE = sqlfile.folder("stt_coordinator.store", "copying") / "postgresql.sql"
SQL = {name: text.encode() for name, text in sqlfile.statements(_FILE).items()}
Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresqlSource:
    """The store in a schema that no coordinator uses."""

    def __init__(self, connection: Connection, place: str, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._types: dict[str, dict[str, str]] = {}
        self.place = place
        found = self._run("SELECT store FROM {}", self._named("store_identity")).fetchone()
        self.identity = str(found[0]) if found else ""

    def _named(self, table: str) -> sql.Identifier:
        return sql.Identifier(self._schema, table)

    def _run(self, text: LiteralString, *parts: sql.Composable) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(sql.SQL(text).format(*parts))

    def tables(self) -> dict[str, Table]:
        """See the port."""
        found: dict[str, list[tuple[str, int]]] = {}
        self._types.clear()
        for table, column, kind, place in self._connection.execute(SQL["columns"], (self._schema,)):
            found.setdefault(table, []).append((column, place))
            self._types.setdefault(table, {})[column] = kind
        return tables_of(found)

    def types(self, table: Table) -> list[str]:
        """The types of its columns; `tables` was called before."""
        return [self._types[table.name][column] for column in table.columns]

    def count(self, table: Table) -> int:
        """See the port."""
        found = self._run("SELECT count(*) FROM {}", self._named(table.name)).fetchone()
        return int(found[0]) if found else 0

    def rows(self, table: Table) -> Iterator[Row]:
        """See the port."""
        text = "COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT BINARY)"
        parts = _listed(table.columns), self._named(table.name), _listed(table.key_columns())
        kinds = self.types(table)
        flags = [place for place, kind in enumerate(kinds) if kind == "boolean"]
        with self._connection.cursor().copy(sql.SQL(text).format(*parts)) as copying:
            copying.set_types(kinds)
            for row in copying.rows():
                yield _changed(row, flags, int) if flags else row

    def last_positions(self) -> dict[str, int]:
        """See the port."""
        found = self._connection.execute(SQL["last_positions"], (self._schema,))
        return dict(found.fetchall())


class PostgresqlTarget(PostgresqlSource):
    """A copy in a schema of its own, which gets the name of the store's when it is complete."""

    is_complete = False

    def storable(self, row: Row) -> Row:
        """See the port: a text without NUL characters."""
        stored = tuple(map(storable, row))
        return row if stored == row else stored

    def last_key(self, table: Table) -> Key | None:
        """See the port."""
        order = sql.SQL(", ").join(
            sql.SQL("{} DESC").format(sql.Identifier(column)) for column in table.key_columns()
        )
        text = "SELECT {} FROM {} ORDER BY {} LIMIT 1"
        parts = _listed(table.columns), self._named(table.name), order
        found = self._run(text, *parts).fetchone()
        return None if found is None else table.key_of(found)

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """See the port."""
        text = "COPY {} ({}) FROM STDIN (FORMAT BINARY)"
        parts = self._named(table.name), _listed(table.columns)
        kinds = self.types(table)
        flags = [place for place, kind in enumerate(kinds) if kind == "boolean"]
        # One statement without a transaction around it: it keeps all rows or none.
        with self._connection.cursor().copy(sql.SQL(text).format(*parts)) as copying:
            copying.set_types(kinds)
            for row in rows:
                copying.write_row(_changed(row, flags, bool) if flags else row)

    def clear(self, table: Table) -> None:
        """See the port."""
        self._run("TRUNCATE {}", self._named(table.name))

    def put_last_positions(self, positions: Mapping[str, int]) -> None:
        """See the port."""
        for table, position in positions.items():
            self._connection.execute(SQL["put_last_position"], (self._schema, table, position))

    def finish(self) -> None:
        """See the port."""
        for name in self.tables():
            self._run("ANALYZE {}", self._named(name))  # no statistics: minutes of slow pages
        final, half = sql.Identifier(SCHEMA), sql.Identifier(self._schema)
        with self._connection.transaction():
            # As at the start of a coordinator, which would make the schema meanwhile.
            schemas.lock_upgrades(self._connection, SCHEMA)
            if schemas.exists(self._connection, SCHEMA):
                # Empty: nothing else was accepted. Kept all the same, as a restore keeps a file.
                aside = f"{SCHEMA}_{clock.now().strftime(SET_ASIDE)}"
                self._run("ALTER SCHEMA {} RENAME TO {}", final, sql.Identifier(aside))
            self._run("ALTER SCHEMA {} RENAME TO {}", half, final)


class CompletePostgresql(PostgresqlTarget):
    """A store that an earlier command may have finished: it is compared only."""

    is_complete = True


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _changed(row: Row, places: Sequence[int], kind: type[int]) -> Row:
    """`row` with the values at `places` as `kind`."""
    values = list(row)
    for place in places:
        values[place] = kind(values[place])  # type: ignore[call-overload]  # a flag of a table
    return tuple(values)


@contextmanager
def source(url: str, password: str = "") -> Generator[PostgresqlSource]:
    """The store at `url`, locked; raises ConfigError, UnreachableError and StoreError.

    `password` is used if the URL contains none; empty: libpq finds one, or needs none.
    """
    address = address_of(url, SCHEMA)
    with _connected(address, password) as connection:
        version = schemas.version_in(connection, SCHEMA)
        if not version:
            raise ConfigError(f"no store at {address.place}: it has no schema {SCHEMA}")
        check_version(version, schemas.newest(), address.place)
        yield PostgresqlSource(connection, address.place, SCHEMA)


@contextmanager
def target(url: str, store: str, password: str = "") -> Generator[PostgresqlTarget]:
    """The copy of the store with the id `store` at `url`, begun or continued.

    `password` as for `source`. Raises ConfigError and UnreachableError, and StoreError while it is
    written.
    """
    address = address_of(url, UNFINISHED)
    with _connected(address, password) as connection:
        standing = _standing(connection, address.place)
        if standing is not None:
            if standing.identity != store:
                raise ConfigError(
                    f"{address.place} contains another store in its schema {SCHEMA}",
                    hint="a copy overwrites no store: name another database",
                )
            yield standing
            return
        _begin(connection, address, store)
        copy = PostgresqlTarget(connection, address.place, UNFINISHED)
        if copy.identity != store:
            raise ConfigError(
                f"{address.place} has an unfinished copy of another store",
                hint=f"if nobody needs it: DROP SCHEMA {UNFINISHED} CASCADE",
            )
        yield copy


def _standing(connection: Connection, place: str) -> CompletePostgresql | None:
    """The store that is there and not empty."""
    version = schemas.version_in(connection, SCHEMA)
    if not version:
        if connection.execute(SQL["any"], (SCHEMA,)).fetchone():
            raise ConfigError(f"the schema {SCHEMA} of {place} contains something else")
        return None
    check_version(version, schemas.newest(), place)
    standing = CompletePostgresql(connection, place, SCHEMA)
    return None if is_empty(standing) else standing


def _begin(connection: Connection, address: Address, store: str) -> None:
    """Make the schema of the copy unless there is one of this number."""
    version = schemas.version_in(connection, address.schema)
    if version == schemas.newest():
        return
    # One transaction: killed before it has its id, it would be a copy of another store.
    with connection.transaction():
        if version:
            drop = sql.SQL("DROP SCHEMA {} CASCADE")
            connection.execute(drop.format(sql.Identifier(address.schema)))
        # Without this the check for poolers would refuse the session: it limits no statement.
        unlimited = {**address.settings, "statement_timeout": "0"}
        schemas.upgrade(connection, replace(address, settings=unlimited))
        made = PostgresqlTarget(connection, address.place, address.schema)
        for table in made.tables().values():
            made.clear(table)
        connection.execute(SQL["put_identity"], (store,))


@contextmanager
def _connected(address: Address, password: str) -> Generator[Connection]:
    """A session that keeps coordinators off the store as long as it lives."""
    mark = secrets.token_hex(MARK_BYTES)
    given = {"password": password} if password else {}
    parameters = {**given, **address.parameters, "application_name": OWN_NAME}
    parameters["options"] = f"{address.parameters['options']} -c {MARK}={mark}"
    try:
        connection = psycopg.connect("", autocommit=True, **parameters)  # type: ignore[arg-type]  # libpq's own names
    except psycopg.Error as error:
        refused = faults.refusal(address, error)
        if refused is not None:
            raise refused from error
        raise UnreachableError(f"cannot connect to {address.place} ({_reason(error)})") from error
    with connection, _errors(address.place):
        # Before the lock, which a pooler would keep in a session of the server that others get.
        if connection.execute(SQL["mark"], (MARK,)).fetchone() != (mark,):
            what = f"{address.place} is behind a pooler that drops the settings of a session"
            raise ConfigError(what, hint="connect to PostgreSQL itself, not through a pooler")
        connection.execute(SQL["no_timeout"])  # whole tables are read by one statement
        _lock(connection, address.place)
        yield connection


def _lock(connection: Connection, place: str) -> None:
    """Keep coordinators off the store; raises ConfigError while one is connected to it."""
    ends = clock.monotonic() + LEFT_S
    # Again with the lock: no transaction of a coordinator begins while this session lives, but one
    # that is connected would go on after the copy, which would lack what it writes then.
    while (
        _is_connected(connection)
        or not schemas.lock_acting(connection, SCHEMA)
        or _is_connected(connection)
    ):
        if clock.monotonic() > ends:
            hint = "stop it: a store is copied at rest"
            raise ConfigError(f"a coordinator uses the store {place}", hint=hint)
        time.sleep(0.05)


def _is_connected(connection: Connection) -> bool:
    """Whether the server has a session of a coordinator in this database."""
    return connection.execute(SQL["coordinators"], (APPLICATION,)).fetchone() != (0,)


@contextmanager
def _errors(place: str) -> Generator[None]:
    try:
        yield
    except errors.DiskFull as error:
        hint = "make room on the server's disk, then give the same command: it continues"
        raise StoreFullError(f"cannot write {place} ({_reason(error)})", hint=hint) from error
    except errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"cannot use {place} ({_reason(error)})",
            hint="a copy makes a schema and renames it: grant the role CREATE on the database",
        ) from error
    except psycopg.Error as error:
        hint = "the same command continues; a coordinator that starts on this store ends a copy"
        raise StoreError(f"cannot use {place} ({_reason(error)})", hint=hint) from error


def _reason(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())
