"""MySQL and MariaDB: every way to connect and to log in, and what values become."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Endpoint, Failure, Limits, Tls
from tests.servers.listeners import listening
from tests.support.worker.database_subjects import admin_mysql, endpoint_of, select
from tests.support.worker.mysql_questions import BOTH, EVERYTHING, ask, make_user, refusal, rows

# Protocol, version, connection, salt, capabilities (4.1, plugins), character set, salt, plugin.
GREETING = (
    b"\x0a9.9.9\0"
    + bytes(4)
    + b"12345678\0"
    + b"\x00\x82\x2d\x02\x00\x08\x00\x15"
    + bytes(10)
    + b"123456789012\0mysql_native_password\0"
)


def packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes([number]) + body


@BOTH
async def test_a_password_may_hold_any_character(server: Running, database: MysqlDatabase) -> None:
    make_user(server, "anything", "IDENTIFIED BY %s", args=(EVERYTHING,))
    endpoint = replace(endpoint_of(server, Family.MYSQL), user="anything", password=EVERYTHING)
    assert await rows(database, endpoint, "USER() AS u") == [{"u": "anything@localhost"}]


@BOTH
async def test_a_unix_socket_needs_neither_host_nor_tls(
    server: Running, database: MysqlDatabase
) -> None:
    endpoint = replace(
        endpoint_of(server, Family.MYSQL), socket=server.socket, host="", port=0, tls=Tls()
    )
    assert await rows(database, endpoint, "1 AS one") == [{"one": 1}]


async def test_ed25519(mariadb: Running, database: MysqlDatabase) -> None:
    endpoint = replace(endpoint_of(mariadb, Family.MYSQL), user="curve", password="p\u00e4ss")
    with admin_mysql(mariadb) as cursor:
        cursor.execute("INSTALL SONAME 'auth_ed25519'")
        try:
            make_user(mariadb, "curve", "IDENTIFIED VIA ed25519 USING PASSWORD('p\u00e4ss')")
            assert await rows(database, endpoint, "1 AS one") == [{"one": 1}]
        finally:
            cursor.execute("UNINSTALL SONAME 'auth_ed25519'")


async def test_mysql_native_password(mariadb: Running, database: MysqlDatabase) -> None:
    make_user(mariadb, "native", "IDENTIFIED VIA mysql_native_password USING PASSWORD('x')")
    endpoint = replace(endpoint_of(mariadb, Family.MYSQL), user="native", password="x")
    assert await rows(database, endpoint, "1 AS one") == [{"one": 1}]


@BOTH
async def test_an_unknown_database_is_config(server: Running, database: MysqlDatabase) -> None:
    endpoint = replace(endpoint_of(server, Family.MYSQL), database="nowhere")
    assert (await refusal(database, endpoint)).kind is Kind.CONFIG


@BOTH
async def test_values_are_what_the_format_says(server: Running, database: MysqlDatabase) -> None:
    text = (
        "NULL AS n, 7 AS i, 18446744073709551615 AS big, 1.50 AS d, 1.5e0 AS f, TRUE AS t,"
        " '\u00e4\u4e2d\U0001f600' AS s, X'00ff41' AS b, CAST('2024-01-02' AS DATE) AS day,"
        " CAST('2024-01-02 03:04:05' AS DATETIME) AS at, '' AS e, 1 AS same, 2 AS same"
    )
    assert await rows(database, endpoint_of(server, Family.MYSQL), text) == [
        {
            "n": None,
            "i": 7,
            "big": 2**64 - 1,
            "d": "1.50",
            "f": 1.5,
            "t": 1,
            "s": "\u00e4\u4e2d\U0001f600",
            "b": "\x00\\xffA",
            "day": "2024-01-02",
            "at": "2024-01-02 03:04:05",
            "e": "",
            "same": 2,
        }
    ]


@BOTH
async def test_one_statement_only(server: Running, database: MysqlDatabase) -> None:
    two = select("1; SELECT 2")
    answer = (await ask(database, endpoint_of(server, Family.MYSQL), two))[two]
    assert isinstance(answer, Failure)
    assert answer.kind is Kind.QUERY


@BOTH
async def test_errors_are_english_whatever_the_server_speaks(
    server: Running, database: MysqlDatabase
) -> None:
    with admin_mysql(server) as cursor:
        cursor.execute("SET GLOBAL lc_messages = 'de_DE'")
    try:
        bad = select("nothing_of_that_name")
        answers = await ask(database, endpoint_of(server, Family.MYSQL), bad)
    finally:
        with admin_mysql(server) as cursor:
            cursor.execute("SET GLOBAL lc_messages = 'en_US'")
    failure = answers[bad]
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("Unknown column 'nothing_of_that_name'")


async def test_the_application_is_a_connect_attribute(
    mysql: Running, database: MysqlDatabase
) -> None:
    endpoint = replace(endpoint_of(mysql, Family.MYSQL), application="stt-worker/a_check")
    text = (
        "ATTR_VALUE AS v FROM performance_schema.session_connect_attrs"
        " WHERE ATTR_NAME = 'program_name' AND PROCESSLIST_ID = CONNECTION_ID()"
    )
    assert await rows(database, endpoint, text) == [{"v": "stt-worker/a_check"}]


@BOTH
async def test_a_read_only_server_is_called_a_replica(
    server: Running, database: MysqlDatabase
) -> None:
    with admin_mysql(server) as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
    try:
        inspection = await database.inspect(
            endpoint_of(server, Family.MYSQL), lambda _: [], Limits()
        )
    finally:
        with admin_mysql(server) as cursor:
            cursor.execute("SET GLOBAL read_only = 0")
    assert inspection.facts.role == "replica"


async def test_a_listener_gets_no_password_in_clear_text(database: MysqlDatabase) -> None:
    """A server that asks for it over a plain connection is refused."""
    caught = bytearray()

    async def thief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(0, GREETING))
        caught.extend(await reader.read(4_096))
        writer.write(packet(2, b"\xfemysql_clear_password\0"))
        caught.extend(await reader.read(4_096))

    async with listening(thief) as port:
        endpoint = Endpoint(
            family=Family.MYSQL, port=port, user="u", password="secret", tls=Tls(mode="off")
        )
        error = await refusal(database, endpoint)
    assert error.kind is Kind.AUTH
    assert "in clear text" in error.reason
    assert b"secret" not in bytes(caught)
