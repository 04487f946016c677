"""The schema of the PostgreSQL store: made and upgraded under a lock, its number in a table."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources.abc import Traversable

import psycopg
from psycopg import sql

from stt_coordinator.store.port import StoreDeposedError, StoreError
from stt_coordinator.store.postgresql.address import DEAD_PEER_MS, Address
from stt_coordinator.store.postgresql.connecting import require_mark
from stt_coordinator.store.postgresql.dialect import Types
from stt_coordinator.store.postgresql.sessions import Session
from stt_shared import sqlfile
from stt_shared.errors import ConfigError

SCHEMA = "stt"
LOCK = 0x535454  # "STT": the first number of our advisory locks
OLDEST = 14  # version of PostgreSQL
# Of the settings of a session; not those of TCP, which are 0 on a Unix socket.
COMPARED = (
    "search_path",
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
)
SLOTS = 16  # for sums: coordinators beyond them share the last
BEGIN_MS = 4_000  # wait of a coordinator that begins for the transaction of the one before
_MIGRATION = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
_FILE = sqlfile.folder("stt_coordinator.store", "postgresql") / "schema.sql"
SQL = {name: text.encode() for name, text in sqlfile.statements(_FILE).items()}


@cache
def migrations() -> dict[int, Traversable]:
    """The scripts by number. The first is the whole schema of SQLite's migration of its number."""
    folder = sqlfile.folder("stt_coordinator.store.postgresql", "migrations")
    found = [(m, file) for file in folder.iterdir() if (m := _MIGRATION.fullmatch(file.name))]
    return dict(sorted((int(match[1]), file) for match, file in found))


def newest() -> int:
    """The number of the newest migration."""
    return max(migrations())


def find(connection: psycopg.Connection, address: Address, *, makes: bool = True) -> str:
    """The identity of the store, with `makes` made if there is none, otherwise left as it is.

    A coordinator of an older release may be acting on it. Raises as `upgrade`.
    """
    version = version_in(connection, address.schema)
    if not version:
        return upgrade(connection, address, makes=makes)
    check_server(connection, address)
    _refuse_newer(address, version)
    return _identity(connection)


def refuse_older(connection: psycopg.Connection, address: Address) -> None:
    """Raise StoreError for a store that has to be upgraded first; and psycopg.Error."""
    version = version_in(connection, address.schema)
    if version < newest():
        raise StoreError(
            f"the store {address.place} has the schema {version} of an older release: the"
            " coordinator that takes over upgrades it"
        )


def upgrade(connection: psycopg.Connection, address: Address, *, makes: bool = True) -> str:
    """Apply every missing migration, all or none, and return the identity of the store.

    Whoever writes a store that is upgraded is deposed. Without `makes` a database that has no store
    is refused with ConfigError. Raises psycopg.Error, and ConfigError as `check_server` and for a
    store that a newer program made.
    """
    check_server(connection, address)
    with connection.transaction():
        # Before the number is read: of two coordinators that start at once, one makes the schema.
        lock_upgrades(connection, address.schema)
        if not (makes or _is_made(connection, address.schema)):
            raise ConfigError(
                f"{address.place} has no store any more: its schema {address.schema} is not there",
                hint="check where the address leads; to begin with an empty store, start the"
                " coordinator again",
            )
        _apply(connection, address, _prepared(connection, address.schema))
    return _identity(connection)


def _identity(connection: psycopg.Connection) -> str:
    found = connection.execute(SQL["identity"]).fetchone()
    return str(found[0]) if found else ""


def check_server(connection: psycopg.Connection, address: Address) -> None:
    """Raise ConfigError for what keeps no store.

    That is a PostgreSQL that is too old, a database that is not in UTF8, a pooler in between.
    """
    if connection.info.server_version // 10_000 < OLDEST:
        raise ConfigError(
            f"{address.place} is PostgreSQL {connection.info.server_version // 10_000}, "
            f"the store needs {OLDEST} or newer"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(f"{address.place} has the encoding {encoding}, the store needs UTF8")
    wanted = {name: address.settings[name] for name in COMPARED}
    if dict(connection.execute(SQL["settings"], (list(wanted),)).fetchall()) != wanted:
        # Tables would be made elsewhere, and a session that hangs would hold its locks for ever.
        raise ConfigError(
            f"{address.place} drops the settings of a session",
            hint="connect to PostgreSQL itself, not through a pooler",
        )


def lock_upgrades(connection: psycopg.Connection, schema: str) -> None:
    """Wait until nobody else makes or changes the tables; held until the transaction ends."""
    connection.execute(SQL["lock"], (LOCK + 1, schema))


def exists(connection: psycopg.Connection, schema: str) -> bool:
    """Whether the database has this schema; raises psycopg.Error."""
    return connection.execute(SQL["find_schema"], (schema,)).fetchone() != (None,)


def version_in(connection: psycopg.Connection, schema: str) -> int:
    """The number of the schema of a store; 0: there is none. Raises psycopg.Error."""
    table = f"{schema}.schema_version"
    if connection.execute(SQL["find_table"], (table,)).fetchone() == (None,):
        return 0
    text = sql.SQL("SELECT version FROM {}").format(sql.Identifier(schema, "schema_version"))
    found = connection.execute(text).fetchone()
    return int(found[0]) if found else 0


def require_own(connection: Session) -> None:
    """Raise StoreDeposedError unless the store has the schema of this program.

    To be called after `enter` or `await_others`: no upgrade can come before the transaction ends.
    Raises ConfigError if a pooler has handed the transaction to the session of somebody else.
    """
    row = connection.execute(SQL["number_and_mark"]).fetchone()
    version, mark = row or (0, "")
    require_mark(connection, str(mark))
    found, known = int(version), newest()
    if found > known:
        raise StoreDeposedError(
            f"a newer release upgraded the store to schema {found}: this one knows up to {known}"
        )
    if found < known:
        raise StoreDeposedError(f"the store went back to schema {found}: this one needs {known}")


def lock_acting(connection: psycopg.Connection, schema: str) -> bool:
    """Lock the store for the coordinator that acts, as long as this session lives.

    False while another session has it. Raises psycopg.Error.
    """
    return connection.execute(SQL["act"], (LOCK + 2, schema)).fetchone() == (True,)


def take_slot(connection: psycopg.Connection, schema: str) -> int:
    """The least slot for sums that no other session of the store has; the last if all are taken.

    It is kept as long as this session lives. Raises psycopg.Error.
    """
    for slot in range(SLOTS - 1):
        taken = connection.execute(SQL["act"], (LOCK + 16, f"{schema}/{slot}")).fetchone()
        if taken == (True,):
            return slot
    return SLOTS - 1


def lock_writers(connection: psycopg.Connection, schema: str) -> None:
    """Wait until no other transaction writes to the store; held until the transaction ends.

    Raises psycopg.errors.LockNotAvailable after `address.LOCK_MS`.
    """
    connection.execute(SQL["lock"], (LOCK, schema))


def share_writing(connection: psycopg.Connection, schema: str) -> None:
    """Wait until no transaction writes alone; until the end of this one none does.

    Raises psycopg.errors.LockNotAvailable after `address.LOCK_MS`.
    """
    connection.execute(SQL["enter"], (LOCK, schema))


def seed_of(schema: str) -> int:
    """A number of 63 bits for the locks of this store: another one has another."""
    return int.from_bytes(sha256(schema.encode()).digest()[:8], "big") >> 1


def enter(connection: psycopg.Connection, schema: str) -> None:
    """Before the epoch is read: a later one that begins waits until this transaction has ended.

    Raises psycopg.errors.LockNotAvailable after `address.LOCK_MS`.
    """
    connection.execute(SQL["enter"], (LOCK + 2, schema))


def end_stopped(connection: psycopg.Connection, schema: str) -> None:
    """End sessions that hold a lock of the store while their client is stopped.

    The server waits without a limit for the rest of a request that was sent in part; and for a
    client that takes no rows if it is on a Unix socket, where its limits for connections have no
    effect. Raises psycopg.Error.
    """
    names = {"schema": schema, "first": LOCK, "last": LOCK + 2, "most_ms": DEAD_PEER_MS}
    connection.execute(SQL["end_stopped"], names)


def await_others(connection: psycopg.Connection, schema: str) -> None:
    """Wait until no transaction is under way that has entered, and let none enter until the end.

    Raises psycopg.errors.LockNotAvailable after BEGIN_MS: the lease must not end meanwhile.
    """
    connection.execute(SQL["short_wait"], (f"{BEGIN_MS}ms",))
    connection.execute(SQL["lock"], (LOCK + 2, schema))


def column_types(connection: psycopg.Connection, schema: str) -> Types:
    """The type of each column of the store's tables; raises psycopg.Error."""
    rows = connection.execute(SQL["columns"], (schema,))
    return {(str(table), str(column)): str(kind) for table, column, kind in rows}


def _prepared(connection: psycopg.Connection, schema: str) -> int:
    """Make the schema and the table of its number if need be; the number, 0 for a new one."""
    # Asked first: CREATE ... IF NOT EXISTS needs the right to create where nothing is missing.
    if not exists(connection, schema):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    if not _is_made(connection, schema):
        connection.execute(SQL["make_number"])
        connection.execute(SQL["begin_number"])
    found = connection.execute(SQL["number"]).fetchone()
    return int(found[0]) if found else 0


def _is_made(connection: psycopg.Connection, schema: str) -> bool:
    table = f"{schema}.schema_version"
    return connection.execute(SQL["find_table"], (table,)).fetchone() != (None,)


def _refuse_newer(address: Address, version: int) -> None:
    if version > newest():
        raise ConfigError(
            f"the store {address.place} has version {version}, this program knows up to {newest()}",
            hint="it was made by a newer coordinator: use that one, or another database",
        )


def _apply(connection: psycopg.Connection, address: Address, version: int) -> None:
    _refuse_newer(address, version)
    if version == newest():
        return
    if version:
        # Before the first change: transactions of an older release have ended, and none begins.
        connection.execute(SQL["lock"], (LOCK + 2, address.schema))
    # Until the transaction ends: a large store takes longer, and would never be upgraded.
    connection.execute(SQL["no_timeout"])
    for number, script in migrations().items():
        if number > version:
            connection.execute(script.read_bytes())
    connection.execute(SQL["put_number"], (newest(),))
    if version:
        # With the tables: a coordinator that does not compare their number must not write them.
        connection.execute(SQL["depose"])
