"""A store in a SQLite file as source or target of a copy."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from stt_coordinator.store.copying.copy import is_empty
from stt_coordinator.store.copying.port import Key, Row, Table
from stt_coordinator.store.port import StoreError, StoreFullError
from stt_coordinator.store.sqlite.file.backup import SUFFIXES, set_aside
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA, FolderInUseError, locked
from stt_coordinator.store.sqlite.file.identity import identity
from stt_shared import clock, sqlfile
from stt_shared.errors import ConfigError
from stt_shared.sqlite.connection import open_reader, open_writer, transaction
from stt_shared.sqlite.faults import Fault, fault_of

BUSY_S = 5.0  # wait for the lock of another process
UNFINISHED = ".copy"  # suffix of the file until the copy is complete
SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store", "copying") / "sqlite.sql")
_ALONE = ("locking_mode = EXCLUSIVE",)  # two commands must not write one copy


class SqliteSource:
    """The store in a file that no other process changes."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.place = str(path)
        self.identity = identity(connection)

    def tables(self) -> dict[str, Table]:
        """See the port."""
        found: dict[str, list[tuple[str, int]]] = {}
        for table, column, place in self._connection.execute(SQL["columns"]):
            found.setdefault(table, []).append((column, place))
        return tables_of(found)

    def count(self, table: Table) -> int:
        """See the port."""
        ((number,),) = self._connection.execute(f"SELECT count(*) FROM {table.name}")
        return int(number)

    def rows(self, table: Table) -> Iterator[Row]:
        """See the port."""
        columns, key = ", ".join(table.columns), ", ".join(table.key_columns())
        yield from self._connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {key}")

    def last_positions(self) -> dict[str, int]:
        """See the port."""
        return dict(self._connection.execute(SQL["last_positions"]).fetchall())


class SqliteTarget(SqliteSource):
    """A copy in a file of its own, which gets the name of the store when it is complete."""

    is_complete = False

    def __init__(self, connection: sqlite3.Connection, half: Path, path: Path) -> None:
        super().__init__(connection, path)
        self._half = half
        self._path = path

    def storable(self, row: Row) -> Row:
        """See the port: SQLite stores every value of PostgreSQL."""
        return row

    def last_key(self, table: Table) -> Key | None:
        """See the port."""
        order = ", ".join(f"{column} DESC" for column in table.key_columns())
        columns = ", ".join(table.columns)
        found = self._connection.execute(
            f"SELECT {columns} FROM {table.name} ORDER BY {order} LIMIT 1"
        ).fetchone()
        return None if found is None else table.key_of(found)

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """See the port."""
        columns, values = ", ".join(table.columns), ", ".join("?" * len(table.columns))
        with transaction(self._connection):
            self._connection.executemany(
                f"INSERT INTO {table.name} ({columns}) VALUES ({values})",
                rows,
            )

    def clear(self, table: Table) -> None:
        """See the port."""
        self._connection.execute(f"DELETE FROM {table.name}")

    def put_last_positions(self, positions: Mapping[str, int]) -> None:
        """See the port."""
        with transaction(self._connection):
            for table, position in positions.items():
                self._connection.execute(SQL["forget_last_position"], (table,))
                self._connection.execute(SQL["put_last_position"], (table, position))

    def finish(self) -> None:
        """See the port."""
        self._connection.execute(SQL["checkpoint"])
        # Closed first: the log beside the file would keep the old name.
        self._connection.close()
        set_aside(self._path, clock.now())
        self._half.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or a power failure could undo the new name
        finally:
            os.close(folder)


class CompleteSqlite(SqliteTarget):
    """A store that an earlier command may have finished: it is compared only."""

    is_complete = True


def tables_of(found: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, Table]:
    """The tables by name, from their columns, each with its place in the primary key or 0."""
    tables: dict[str, Table] = {}
    for name, columns in sorted(found.items()):
        ordered = sorted(columns)
        key = sorted((at, place) for place, (_, at) in enumerate(ordered) if at)
        tables[name] = Table(
            name=name,
            columns=tuple(column for column, _ in ordered),
            key=tuple(place for _, place in key),
        )
    return tables


def file_of(given: str) -> Path:
    """The file that a folder or a file on the command line means."""
    path = Path(given).expanduser().absolute()
    return path / FILE if path.is_dir() or path.suffix != ".db" else path


@contextmanager
def source(path: Path) -> Generator[SqliteSource]:
    """The store in `path`, locked; raises ConfigError and StoreError."""
    if not path.is_file():
        raise ConfigError(f"no store at {path}", hint="name the state folder of a coordinator")
    with _locked(path), _errors(path), closing(_at_this_version(path)) as connection:
        yield SqliteSource(connection, path)


@contextmanager
def target(path: Path, store: str) -> Generator[SqliteTarget]:
    """The copy of the store with the id `store` at `path`, begun or continued.

    Raises ConfigError, and StoreError while it is written.
    """
    with _locked(path), _errors(path):
        if path.exists():
            with closing(_at_this_version(path)) as connection:
                standing = CompleteSqlite(connection, path, path)
                if not is_empty(standing):
                    if standing.identity != store:
                        raise ConfigError(
                            f"{path} contains another store",
                            hint="a copy overwrites no store: name another place",
                        )
                    yield standing
                    return
        half = path.with_name(f"{path.name}{UNFINISHED}")
        _begin(half, store)
        with closing(open_writer(half, SCHEMA, busy_s=BUSY_S, pragmas=_ALONE)) as connection:
            copy = SqliteTarget(connection, half, path)
            if copy.identity != store:
                raise ConfigError(
                    f"{half} is an unfinished copy of another store", hint="delete it: copy again"
                )
            yield copy


def _begin(half: Path, store: str) -> None:
    """Make the file of the copy unless there is one of this schema."""
    if half.exists():
        with closing(open_reader(half, busy_s=BUSY_S)) as connection:
            ((version,),) = connection.execute(SQL["version"])
        if version == SCHEMA.version:
            return
    # Under a third name: killed before it has its id, it would be a copy of another store.
    new = half.with_name(f"{half.name}.new")
    for part in (*SUFFIXES, "-journal"):
        new.with_name(f"{new.name}{part}").unlink(missing_ok=True)
        half.with_name(f"{half.name}{part}").unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(open_writer(new, SCHEMA, busy_s=BUSY_S)) as connection:
        made = SqliteTarget(connection, new, half)
        for table in made.tables().values():
            made.clear(table)
        connection.execute(SQL["put_identity"], (store,))
        connection.execute(SQL["checkpoint"])
    new.rename(half)


def _at_this_version(path: Path) -> sqlite3.Connection:
    connection = open_reader(path, busy_s=BUSY_S)
    try:
        ((version,),) = connection.execute(SQL["version"])
        check_version(version, SCHEMA.version, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def check_version(version: int, expected: int, place: str) -> None:
    """Raise ConfigError unless the store at `place` has the schema of this program."""
    if version > expected:
        raise ConfigError(
            f"the store {place} has version {version}, this program knows up to {expected}",
            hint="use the stt of the coordinator that made it",
        )
    if version < 1:
        raise ConfigError(f"{place} is not a store", hint="name the state folder of a coordinator")
    if version < expected:
        raise ConfigError(
            f"the store {place} has version {version}, this program copies {expected}",
            hint="start its coordinator once with this release: it upgrades the store",
        )


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Keep coordinators away; files with another name than the store's are used by none."""
    if path.name != FILE:
        yield
        return
    try:
        lock = locked(path.parent)
    except FolderInUseError as error:
        raise ConfigError(
            f"a coordinator uses the store {path}", hint="stop it: a store is copied at rest"
        ) from error
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _errors(path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        kind = fault_of(error)
        if kind is Fault.FULL:
            hint = "make room on the disk, then give the same command: it continues"
            raise StoreFullError(f"cannot write {path} ({error})", hint=hint) from error
        if kind is Fault.OTHER:
            raise ConfigError(f"{path} is not a store, or damaged ({error})") from error
        raise StoreError(f"cannot use {path} ({error})") from error
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({(error.strerror or '').lower()})") from error
