"""Rows as PMM's agent gives them to scripts: what lib/pq, go-sql-driver and mongo-driver decode.

Asked by plain psycopg, pymysql and pymongo, decoded from the bytes of the servers by the rules of
those drivers, written down here from what is known of them. Nothing of the product is used.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pymongo
import pymysql
from bson import Timestamp
from pymysql import converters
from pymysql.constants import FIELD_TYPE

from stt_coordinator.local.servers.process import Running
from tests.support.checks.real import as_root

NS_PER_S = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# lib/pq decodes these, and gives the bytes of every other type.
BOOL, BYTEA = 16, 17
TIMES = (1082, 1114, 1184)  # date, timestamp, timestamptz
PQ: dict[int, Callable[[bytes], Any]] = {
    BOOL: lambda raw: raw == b"t",
    BYTEA: lambda raw: bytes.fromhex(raw[2:].decode()).decode(),
    **dict.fromkeys((20, 21, 23), int),
    **dict.fromkeys((700, 701), float),
}
# go-sql-driver decodes these of the binary protocol, and gives the bytes of every other type.
WHOLE = {
    *(FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG),
    *(FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR),
}
COMMANDS: dict[str, dict[str, Any]] = {
    "MONGODB_BUILDINFO": {"buildInfo": 1},
    "MONGODB_GETCMDLINEOPTS": {"getCmdLineOpts": 1},
    "MONGODB_GETPARAMETER": {"getParameter": "*"},
    "MONGODB_REPLSETGETSTATUS": {"replSetGetStatus": 1},
    "MONGODB_GETDIAGNOSTICDATA": {"getDiagnosticData": 1},
}
Row = dict[str, Any]
ENCODERS: dict[Any, Any] = dict(converters.encoders)  # and none that decodes
DATABASES = (
    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
    " AND has_database_privilege(current_user, datname, 'connect')"
)
QueryError = (psycopg.Error, pymysql.Error, pymongo.errors.PyMongoError)


def rows(server: Running, kind: str, text: str, *, all_dbs: bool = False) -> object:
    """The entry of `docs` for one query of PMM; raises one of QueryError."""
    if kind in COMMANDS:
        return [of_mongodb(server, COMMANDS[kind])]
    word = kind.rpartition("_")[2]
    if kind.startswith("MYSQL"):
        return of_mysql(server, f"{word} {text}")
    if not all_dbs:
        return of_postgresql(server, f"{word} {text or 'ALL'}")
    names = [row["datname"] for row in of_postgresql(server, DATABASES)]
    return {name: of_postgresql(server, f"{word} {text}", name) for name in names}


def of_postgresql(server: Running, statement: str, database: str = "postgres") -> list[Row]:
    """The rows of lib/pq."""
    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        options="-c TimeZone=UTC",  # as lib/pq asks for nothing else, and the server's is unknown
    ) as connection:
        found = connection.execute(statement.encode()).pgresult
        assert found is not None
        names = [cast("bytes", found.fname(at)).decode() for at in range(found.nfields)]
        return [
            {
                name: _of_pq(found.ftype(at), found.get_value(row, at))
                for at, name in enumerate(names)
            }
            for row in range(found.ntuples)
        ]


def _of_pq(oid: int, raw: bytes | None) -> Any:
    if raw is None:
        return None
    if oid in PQ:
        return PQ[oid](raw)
    if oid in TIMES and b"infinity" not in raw:
        return _nanoseconds(datetime.fromisoformat(raw.decode()))
    return raw.decode()


def _nanoseconds(at: datetime) -> int:
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def of_mysql(server: Running, statement: str) -> list[Row]:
    """The rows of go-sql-driver: it prepares the statement, so that they come in binary."""
    as_it_is = None  # whether each statement is committed is the server's own setting
    with (
        as_root(server, conv=ENCODERS, autocommit=as_it_is) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        described = cast("Sequence[tuple[Any, ...]]", cursor.description or ())
        found = cast("Sequence[tuple[Any, ...]]", cursor.fetchall())
    return [
        {column[0]: _of_go_mysql(column[1], value) for column, value in zip(described, row)}  # noqa: B905  # a driver's rows have its columns
        for row in found
    ]


def _of_go_mysql(kind: int, value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if kind in WHOLE:
        return int(value)
    if kind == FIELD_TYPE.DOUBLE:
        return float(value)
    if kind == FIELD_TYPE.FLOAT:
        return struct.unpack("f", struct.pack("f", float(value)))[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def of_mongodb(server: Running, command: Mapping[str, Any]) -> Row:
    """The document of mongo-driver."""
    uri = f"mongodb://{server.host}:{server.port}/?directConnection=true"
    with_user: dict[str, Any] = (
        {"username": server.user, "password": server.password} if server.user else {}
    )
    with pymongo.MongoClient[dict[str, Any]](uri, **with_user) as client:
        return cast("Row", _of_mongo(client["admin"].command(dict(command))))


def _of_mongo(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _of_mongo(one) for key, one in cast("Row", value).items()}
    if isinstance(value, list):
        return [_of_mongo(one) for one in value]
    if isinstance(value, datetime):  # of milliseconds, in UTC
        return _nanoseconds(value)
    if isinstance(value, Timestamp):
        return value.time * NS_PER_S
    if value is None or isinstance(value, bool | float | str):
        return value
    return int(value) if isinstance(value, int) else str(value)
