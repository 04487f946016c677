"""Nothing that a check asks acts on a real server: neither at load, nor when it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.parse import parse_checks
from stt_shared.checkfile.statements.mysql import FUNCTIONS
from stt_shared.checkfile.statements.names import listed
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql import session
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Answer, Endpoint, Failure, Limits
from stt_worker.databases.postgresql import server as postgresql_line
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.hostile import statements
from tests.support.checks.real import endpoint
from tests.support.worker.database_subjects import (
    admin_mysql,
    admin_postgresql,
    create_function,
)
from tools.postgresql_functions import (
    FIELDS_FILE,
    FIELDS_HEAD,
    FILE,
    fields,
    functions,
    text,
)

LIMITS = Limits(connect_s=10, statement_s=5, client_s=10)
MYSQL = ("mariadb", "mysql")
POSTGRESQL = ("postgresql", "postgresql15")


def ask(server: Running | Endpoint, kind: QueryType, texts: Sequence[str]) -> list[Answer]:
    """The answers of the server to each of `texts`, in their order."""
    family = Family.MYSQL if kind.startswith("MYSQL") else Family.POSTGRESQL
    where = server if isinstance(server, Endpoint) else endpoint(server, family)
    questions = [Question(type=kind, text=one) for one in texts]

    async def look() -> list[Answer]:
        database = MysqlDatabase(2) if family is Family.MYSQL else PostgresqlDatabase()
        try:
            found = await database.inspect(where, lambda _: questions, LIMITS)
        finally:
            await database.close()
        return [found.answers[one] for one in questions]

    return asyncio.run(look())


def refused(answers: Sequence[Answer]) -> bool:
    return all(
        isinstance(one, Failure) and one.kind is Kind.QUERY and one.reason.startswith("not sent: ")
        for one in answers
    )


@pytest.fixture(params=MYSQL)
def mysql_server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture(params=POSTGRESQL)
def postgresql_server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def log(mysql_server: Running) -> Iterator[Callable[[], str]]:
    """What the server's own log of statements says it got."""
    with admin_mysql(mysql_server) as cursor:
        cursor.execute("SET GLOBAL log_output = 'TABLE'")
        cursor.execute("TRUNCATE mysql.general_log")
        cursor.execute("SET GLOBAL general_log = 1")

        def read() -> str:
            cursor.execute("SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log")
            return "\n".join(str(row[0]) for row in cursor.fetchall())

        yield read
        cursor.execute("SET GLOBAL general_log = 0")
        cursor.execute("SET GLOBAL log_output = 'FILE'")


def test_no_acting_statement_reaches_a_mysql_server(
    mysql_server: Running, log: Callable[[], str]
) -> None:
    assert refused(ask(mysql_server, QueryType.MYSQL_SELECT, statements.MYSQL))
    assert refused(ask(mysql_server, QueryType.MYSQL_SHOW, statements.MYSQL_SHOW))
    sent = log()
    assert "SELECT VERSION()" in sent  # the log is on
    for word in ("OUTFILE", "LOAD_FILE", "SLEEP", "BENCHMARK", "app", "GET_LOCK", "PROCEDURE"):
        assert word not in sent


def test_no_acting_statement_reaches_a_postgresql_server(postgresql_server: Running) -> None:
    with admin_postgresql(postgresql_server) as connection:
        before = _state(connection)
        answers = ask(postgresql_server, QueryType.POSTGRESQL_SELECT, statements.POSTGRESQL)
        assert refused(answers)
        assert _state(connection) == before  # the same backend: nobody ended it


def _state(connection: psycopg.Connection[Any]) -> object:
    return connection.execute(
        "SELECT pg_backend_pid(), pg_conf_load_time(), pg_postmaster_start_time(),"
        " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_class),"
        " (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_locks"
        " WHERE locktype = 'advisory')"
    ).fetchall()


def test_without_the_guard_the_executable_comment_writes_a_file(
    mariadb: Running, servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why there is a guard: no read-only transaction refuses a file."""
    file = servers_folder / "mariadb-written-by-a-check"
    servers_folder.chmod(0o777)
    text = f"1 /*!50000INTO*/ OUTFILE '{file}'"
    assert refused(ask(mariadb, QueryType.MYSQL_SELECT, [text]))
    assert not file.exists()
    monkeypatch.setattr(session, "statement", lambda one: f"SELECT {one.text}")
    ask(mariadb, QueryType.MYSQL_SELECT, [text])
    assert file.exists()
    file.unlink()


@pytest.mark.parametrize("chosen_by", ["the target", "a log-in hook"])
def test_a_stored_function_of_the_session_s_database_is_not_taken_for_a_built_in_one(
    mysql: Running, chosen_by: str
) -> None:
    """JSON_EXISTS is built into MariaDB alone, so that it is on the list."""
    with admin_mysql(mysql) as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS stt_app")
        cursor.execute("DROP FUNCTION IF EXISTS stt_app.JSON_EXISTS")
        sign = "(a text, b text) RETURNS text DETERMINISTIC NO SQL"
        cursor.execute(f"CREATE FUNCTION stt_app.JSON_EXISTS{sign} RETURN 'theirs'")
        cursor.execute("CREATE USER IF NOT EXISTS stt_app@localhost IDENTIFIED BY 'x'")
        cursor.execute("GRANT EXECUTE ON stt_app.* TO stt_app@localhost")
        where = replace(endpoint(mysql, Family.MYSQL), user="stt_app", password="x")  # throw-away
        if chosen_by == "the target":
            where = replace(where, database="stt_app")
        else:
            cursor.execute("SET GLOBAL init_connect = 'USE stt_app'")
        try:
            (answer,) = ask(where, QueryType.MYSQL_SELECT, ["JSON_EXISTS('{}', '$.a') AS x"])
        finally:
            cursor.execute("SET GLOBAL init_connect = ''")
            cursor.execute("DROP USER stt_app@localhost")
    assert isinstance(answer, Failure)
    assert "information_schema" in answer.reason  # where it was looked for


def test_read_only_mode_is_a_second_net_in_mysql(
    mysql_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with admin_mysql(mysql_server) as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS stt_net")
        cursor.execute("CREATE TABLE IF NOT EXISTS stt_net.t (a int)")
        cursor.execute("DROP FUNCTION IF EXISTS stt_net.writes")
        body = "RETURNS int BEGIN INSERT INTO stt_net.t VALUES (1); RETURN 1; END"
        create_function(cursor, f"stt_net.writes() {body}")
        monkeypatch.setattr(session, "statement", lambda one: f"SELECT {one.text}")
        texts = [
            "stt_net.writes()",
            "1 FROM stt_net.t FOR UPDATE",
            "@@session.transaction_read_only",
        ]
        answers = ask(mysql_server, QueryType.MYSQL_SELECT, texts)
        assert isinstance(answers[0], Failure)
        assert "READ ONLY" in answers[0].reason.upper()
        cursor.execute("SELECT COUNT(*) FROM stt_net.t")
        assert cursor.fetchone()[0] == 0


def test_read_only_mode_is_a_second_net_in_postgresql(
    postgresql_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_line, "refusal", lambda *_: "")
    with admin_postgresql(postgresql_server) as connection:
        connection.execute("CREATE SEQUENCE IF NOT EXISTS stt_net")
    texts = [
        "nextval('public.stt_net')",
        "1 INTO stt_net_table",
        "1 FROM pg_class FOR UPDATE",
    ]
    answers = ask(postgresql_server, QueryType.POSTGRESQL_SELECT, texts)
    for one in answers:
        assert isinstance(one, Failure)
        assert "read-only transaction" in one.reason


LINE_OF_THE_QUERY = 9
WHY = "function SLEEP is not on the list of those that only read"


def test_a_check_whose_query_acts_is_a_fault_with_its_line_and_the_others_load() -> None:
    head = "checks:\n"
    checks = "".join(
        f"  - version: 2\n    name: {name}\n    summary: s\n    description: d\n    family: MYSQL\n"
        f"    queries:\n      - type: MYSQL_SELECT\n        query: {query}\n"
        "    script: |\n      def check_context(docs, context):\n          return []\n"
        for name, query in (("acts", "SLEEP(1)"), ("reads", "1 AS one"))
    )
    parsed = parse_checks(head + checks, "pack.yaml", strict=False)
    assert [one.name for one in parsed.checks] == ["reads"]
    assert [str(one) for one in parsed.faults] == [
        f"pack.yaml:{LINE_OF_THE_QUERY}: acts: a query of type MYSQL_SELECT is rejected: {WHY}"
    ]


def test_the_list_of_functions_is_what_the_rules_make_of_two_real_servers(
    postgresql: Running, postgresql15: Running
) -> None:
    servers = [postgresql, postgresql15]
    known = functions(servers)
    assert FILE.read_text(encoding="ascii") == text(known)
    columns = text(fields(servers, known), FIELDS_HEAD)
    assert FIELDS_FILE.read_text(encoding="ascii") == columns


# Known to MariaDB and not allowed, each with its reason beside the list of the allowed.
REFUSED_OF_MARIADB = frozenset(
    {
        *("BENCHMARK", "SLEEP", "LOAD_FILE", "GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS"),
        *("IS_FREE_LOCK", "IS_USED_LOCK", "LAST_INSERT_ID", "MASTER_POS_WAIT", "MASTER_GTID_WAIT"),
        *(
            "BINLOG_GTID_POS",
            "SFORMAT",
        ),  # opens the file that it is given; fills memory past every limit
        *("NAME_CONST", "DES_ENCRYPT", "DES_DECRYPT", "ENCRYPT", "ENCODE", "DECODE", "SCHEMAS"),
        *("DECODE_ORACLE", "CONCAT_OPERATOR_ORACLE", "LPAD_ORACLE", "RPAD_ORACLE"),
        *("LTRIM_ORACLE", "RTRIM_ORACLE", "REPLACE_ORACLE", "SUBSTR_ORACLE", "TRIM_ORACLE"),
        *("WSREP_LAST_SEEN_GTID", "WSREP_LAST_WRITTEN_GTID", "WSREP_SYNC_WAIT_UPTO_GTID"),
    }
)


def test_every_function_that_mariadb_lists_was_looked_at(mariadb: Running) -> None:
    with admin_mysql(mariadb) as cursor:
        cursor.execute("SELECT function FROM information_schema.sql_functions")
        known = {str(row[0]) for row in cursor.fetchall()}
    assert known - listed(FUNCTIONS) == REFUSED_OF_MARIADB


def test_every_allowed_function_of_mysql_is_built_in_somewhere(
    mariadb: Running, mysql: Running
) -> None:
    """A name that no server knows would be a stored function of somebody's."""
    unknown = listed(FUNCTIONS)
    for server in (mariadb, mysql):
        with admin_mysql(server) as cursor:
            unknown = frozenset(name for name in unknown if not _built_in(cursor, name))
    assert unknown == frozenset()


def _built_in(cursor: Any, name: str) -> bool:
    """Whether a call without a database, where no stored function is found, finds the name."""
    for arguments in ("()", "(1)", "(1, 1)", "(a b c)"):
        try:
            cursor.execute(f"SELECT {name}{arguments}")
        except Exception as error:  # noqa: BLE001  # the code is what is looked at
            if error.args[0] in {1046, 1305}:  # no database selected, no such function
                return False
    return True
