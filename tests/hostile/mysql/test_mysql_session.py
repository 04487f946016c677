"""What a server, a log-in hook or a proxy sets for a session of MySQL does not bend an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.mysql.pins import pinned
from stt_worker.databases.port import Answer, Endpoint, Failure, InspectionError, Limits, Tls
from tests.hostile.mysql.fake_mysql import OK, OK_READ_ONLY, Peer, fake_mysql, open_session
from tests.servers.listeners import BLOCK_BYTES, Handler, listening
from tests.support.checks.real import endpoint, mysql_do, mysql_state, open_check_runner

LOW, PASSWORD = "stt_low", "Str0ng-enough"
LIMITS = Limits()
HANGS_UP, LOSES = "hangs up", "loses the others"  # what a proxy does with several packets
KEPT = pinned("mysql", (9, 7, 4), LIMITS.statement_s).kept
HOOK = (
    "SET sql_select_limit = 1, sql_mode = 'ANSI_QUOTES', timestamp = 1000, autocommit = 0,"
    " time_zone = '+05:00', group_concat_max_len = 4;"
    " CREATE TEMPORARY TABLE mysql.db AS SELECT '' AS User, 'nobody' AS Host, 'none' AS Db;"
    " USE stt_low; START TRANSACTION; SELECT * FROM mysql.db"
)


@pytest.fixture
async def database() -> AsyncIterator[MysqlDatabase]:
    made = MysqlDatabase(2)
    yield made
    await made.close()


@pytest.fixture(params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def low(server: Running) -> Iterator[Endpoint]:
    """An account that log-in hooks run for, and that may make temporary tables."""
    make = [
        f"CREATE DATABASE {LOW}",
        f"CREATE USER {LOW}@localhost IDENTIFIED BY '{PASSWORD}'",
        f"GRANT SELECT, CREATE TEMPORARY TABLES ON mysql.* TO {LOW}@localhost",
        f"GRANT SELECT ON {LOW}.* TO {LOW}@localhost",
    ]
    undo = [f"DROP USER {LOW}@localhost", f"DROP DATABASE {LOW}", "SET GLOBAL init_connect = ''"]
    with mysql_state(server, make, undo):
        yield replace(endpoint(server, Family.MYSQL), user=LOW, password=PASSWORD)


@contextmanager
def global_value(server: Running, name: str, value: str) -> Generator[None]:
    make, undo = f"SET GLOBAL {name} = {value}", f"SET GLOBAL {name} = DEFAULT"
    with mysql_state(server, [make], [undo]):
        yield


def select(text: str) -> Question:
    return Question(type=QueryType.MYSQL_SELECT, text=text)


def show(text: str) -> Question:
    return Question(type=QueryType.MYSQL_SHOW, text=text)


async def answers(
    database: MysqlDatabase, where: Endpoint, questions: Sequence[Question]
) -> list[Answer]:
    inspection = await database.inspect(where, lambda _: questions, LIMITS)
    return [inspection.answers[question] for question in questions]


async def refusal(database: MysqlDatabase, where: Endpoint) -> str:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(where, lambda _: [select("1 AS one")], LIMITS)
    assert caught.value.kind is Kind.SESSION, caught.value
    return caught.value.reason


async def test_a_limit_on_rows_hides_no_account(server: Running) -> None:
    """1,000 accounts with a password come first: the one without stands behind the limit."""
    names = [f"'a{number:04}'@'%'" for number in range(1_000)]
    accounts = ", ".join(f"{name} IDENTIFIED BY '{PASSWORD}'" for name in names)
    make = [f"CREATE USER {accounts}", "CREATE USER 'z_open'@'%'"]
    undo = [f"DROP USER {', '.join(names)}", "DROP USER 'z_open'@'%'"]
    with mysql_state(server, make, undo), global_value(server, "sql_select_limit", "1000"):
        async with open_check_runner() as runner:
            found = await runner.objects("mysql_empty_password", endpoint(server, Family.MYSQL))
    assert found == {"'z_open'@'%'": "critical"}


async def test_what_a_log_in_hook_did_is_undone(
    server: Running, database: MysqlDatabase, low: Endpoint
) -> None:
    mysql_do(server, [f'SET GLOBAL init_connect = "{HOOK}"'])
    texts = ("Host AS h, Db AS d FROM mysql.db", "UNIX_TIMESTAMP() > 1000000 AS now_is_now")
    granted, now = await answers(database, low, [select(text) for text in texts])
    assert isinstance(granted, list)
    assert {"h": "localhost", "d": LOW} in granted
    assert "nobody" not in {row["h"] for row in granted}
    assert now == [{"now_is_now": 1}]


@pytest.fixture
def by_role(server: Running) -> Iterator[Endpoint]:
    """An account that sees the grants of others by the role that it has from its log-in on."""
    account = f"{LOW}@localhost"
    make = [
        f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}'",
        "CREATE ROLE stt_sees, stt_sees_nothing",
        "GRANT SELECT ON mysql.* TO stt_sees",
        f"GRANT stt_sees TO {account}",
        f"GRANT stt_sees_nothing TO {account}",
        f"SET DEFAULT ROLE stt_sees {'FOR' if server.name == 'mariadb' else 'TO'} {account}",
    ]
    undo = [f"DROP USER {account}", "DROP ROLE stt_sees, stt_sees_nothing"]
    with mysql_state(server, make, [*undo, "SET GLOBAL init_connect = ''"]):
        yield replace(endpoint(server, Family.MYSQL), user=LOW, password=PASSWORD)


@pytest.mark.parametrize("role", ["NONE", "stt_sees_nothing", "stt_sees"])
async def test_a_role_that_a_log_in_hook_sets_hides_no_row(
    server: Running, database: MysqlDatabase, by_role: Endpoint, role: str
) -> None:
    asked = [select("GRANTEE AS g FROM information_schema.USER_PRIVILEGES")]
    (before,) = await answers(database, by_role, asked)
    assert isinstance(before, list)
    assert {"g": "'root'@'localhost'"} in before
    mysql_do(server, [f"SET GLOBAL init_connect = 'SET ROLE {role}'"])
    if server.name == "mariadb" and role != "stt_sees":
        assert "its role is" in await refusal(database, by_role)
    else:
        assert await answers(database, by_role, asked) == [before]


async def test_all_roles_of_a_log_in_stay_beside_a_hook(
    mysql: Running, database: MysqlDatabase, by_role: Endpoint
) -> None:
    mysql_do(mysql, [f"SET DEFAULT ROLE NONE TO {LOW}@localhost"])
    mysql_do(mysql, ["SET GLOBAL init_connect = 'SET ROLE NONE'"])
    with global_value(mysql, "activate_all_roles_on_login", "ON"):
        (found,) = await answers(database, by_role, [select("COUNT(*) > 0 AS c FROM mysql.user")])
    assert found == [{"c": 1}]


async def test_a_log_in_hook_that_fails_is_named(
    server: Running, database: MysqlDatabase, low: Endpoint
) -> None:
    mysql_do(server, ["SET GLOBAL init_connect = 'SELECT * FROM nowhere.at_all'"])
    assert "init_connect" in await refusal(database, low)


async def test_variables_that_a_check_asks_for_are_the_servers_and_not_ours(
    server: Running, database: MysqlDatabase
) -> None:
    forms = ("VARIABLES", "SESSION VARIABLES", " /* a */ local\nvariables")
    shown = [show(f"{form} LIKE 'sql_mode'") for form in forms]
    asked = [select("@@GLOBAL.sql_mode AS m"), select("@@sql_mode AS m")]
    with global_value(server, "sql_mode", "'ANSI_QUOTES'"):
        found = await answers(database, endpoint(server, Family.MYSQL), [*shown, *asked])
    row = {"Variable_name": "sql_mode", "Value": "ANSI_QUOTES"}
    why = "not sent: @@sql_mode is a setting of the worker's own session: use the global value"
    assert found[:4] == [[row], [row], [row], [{"m": "ANSI_QUOTES"}]]
    assert found[4] == Failure(kind=Kind.QUERY, reason=why)


async def test_a_packet_that_cuts_long_values_is_refused(
    server: Running, database: MysqlDatabase
) -> None:
    with global_value(server, "max_allowed_packet", "65536"):
        reason = await refusal(database, endpoint(server, Family.MYSQL))
    assert "max_allowed_packet = 65536" in reason


async def test_a_greeting_with_a_made_up_version_weakens_nothing(
    server: Running, database: MysqlDatabase
) -> None:
    def older(words: bytes) -> bytes:
        return words.replace(b"10.11.", b"10.01.", 1).replace(b"9.7.", b"5.1.", 1)

    where = endpoint(server, Family.MYSQL)
    async with listening(relay(server, change=older)) as port:
        with global_value(server, "sql_select_limit", "1"):
            inspection = await database.inspect(
                replace(where, port=port), lambda _: [show("DATABASES")], LIMITS
            )
    (rows,) = inspection.answers.values()
    assert isinstance(rows, list)
    assert len(rows) > 1
    assert inspection.facts.version > (5, 1)


async def test_a_proxy_that_hangs_up_on_statements_sent_at_once_is_asked_one_by_one(
    server: Running, database: MysqlDatabase
) -> None:
    where = endpoint(server, Family.MYSQL)
    async with listening(relay(server, at_once=HANGS_UP)) as port:
        found = await answers(database, replace(where, port=port), [select("1 AS one")])
    assert found == [[{"one": 1}]]


async def test_a_proxy_that_loses_statements_sent_at_once_is_asked_one_by_one(
    server: Running, database: MysqlDatabase
) -> None:
    where = endpoint(server, Family.MYSQL)
    async with listening(relay(server, at_once=LOSES)) as port:
        inspection = await database.inspect(
            replace(where, port=port),
            lambda _: [select("1 AS one"), select("2 AS two")],
            Limits(client_s=4),
        )
    assert list(inspection.answers.values()) == [[{"one": 1}], [{"two": 2}]]


@pytest.mark.parametrize(
    ("begun", "kept", "packet", "why"),
    [
        (OK, KEPT, 2**26, "the transaction is not read-only"),
        (OK_READ_ONLY, KEPT.replace("|18446744073709551615", "|1000", 1), 2**26,
         "sql_select_limit = '1000'"),
        (OK_READ_ONLY, KEPT.replace("|1|", "|0|", 1), 2**26, "autocommit = '0'"),
        (OK_READ_ONLY, "", 2**26, "the session's settings cannot be read"),
        (OK_READ_ONLY, KEPT, 4096, "max_allowed_packet = 4096"),
    ],
)  # fmt: skip
async def test_a_proxy_that_drops_our_settings_is_refused(
    database: MysqlDatabase, begun: bytes, kept: str, packet: int, why: str
) -> None:
    def talk(peer: Peer) -> None:
        open_session(peer, kept, begun=begun, packet=packet)

    with fake_mysql(talk) as fake:
        reason = await refusal(database, faked(fake.port))
    assert why in reason


async def test_a_proxy_that_keeps_another_database_is_refused(
    database: MysqlDatabase,
) -> None:
    with fake_mysql(lambda peer: open_session(peer, KEPT, home="theirs")) as fake:
        reason = await refusal(database, faked(fake.port))
    assert "its database is 'theirs'" in reason


def faked(port: int) -> Endpoint:
    return Endpoint(family=Family.MYSQL, port=port, user="u", password="p", tls=Tls(mode="off"))


def relay(
    server: Running, *, change: Callable[[bytes], bytes] = bytes, at_once: str = ""
) -> Handler:
    """Hands everything on but more than a packet `at_once`, and `change`s the greeting."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(server.host, server.port)
        writer.write(change(await back.read(BLOCK_BYTES)))

        async def up() -> None:
            while words := await reader.read(BLOCK_BYTES):
                size = 4 + int.from_bytes(words[:3], "little")
                if at_once == HANGS_UP and len(words) > size:
                    break
                forth.write(words[:size] if at_once == LOSES else words)
            writer.transport.abort()
            forth.transport.abort()

        async def down() -> None:
            while words := await back.read(BLOCK_BYTES):
                writer.write(words)
            writer.transport.abort()

        try:
            await asyncio.gather(up(), down())
        finally:
            forth.transport.abort()

    return handler
