"""PostgreSQL: every way to connect, every database of a server, and what values become."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Failure, Limits, Tls
from stt_worker.databases.postgresql import server as postgresql_line
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.servers.fixtures import serving
from tests.support.checks.real import postgresql_state
from tests.support.worker.database_subjects import admin_postgresql
from tests.support.worker.postgresql_questions import ask, at, refusal, rows, select

EVERYTHING = string.printable.strip() + " \u00e4\u20ac\u4e2d\U0001f600 "


SHOW = Question(type=QueryType.POSTGRESQL_SHOW)


@pytest.fixture
def role(postgresql: Running) -> Iterator[str]:
    """An account without any grant."""
    with admin_postgresql(postgresql) as connection:
        connection.execute("CREATE ROLE stt_plain LOGIN PASSWORD 'x'")
    yield "stt_plain"
    with admin_postgresql(postgresql) as connection:
        connection.execute("DROP ROLE stt_plain")


async def test_a_password_may_hold_any_character(postgresql: Running) -> None:
    quoted = EVERYTHING.replace("'", "''")
    endpoint = replace(at(postgresql), user="anything", password=EVERYTHING)
    make = [f"CREATE ROLE anything LOGIN PASSWORD '{quoted}'"]
    with postgresql_state(postgresql, make, ["DROP ROLE anything"]):
        assert await rows(endpoint, "current_user AS u") == [{"u": "anything"}]


async def test_a_unix_socket_is_named_by_its_folder_or_its_file(postgresql: Running) -> None:
    folder = replace(at(postgresql), socket=postgresql.socket, tls=Tls())
    file = replace(folder, socket=f"{postgresql.socket}/.s.PGSQL.{postgresql.port}", port=0)
    for endpoint in (folder, file):
        text = "inet_server_addr() IS NULL AS local"
        assert await rows(endpoint, text) == [{"local": True}]


async def test_an_unknown_database_is_config(postgresql: Running) -> None:
    assert (await refusal(replace(at(postgresql), database="nowhere"))).kind is Kind.CONFIG


async def test_the_environment_of_the_worker_changes_nothing(
    postgresql: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGHOST": "nowhere.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGOPTIONS": "-c statement_timeout=1",
        "PGSSLMODE": "require",
        "PGPASSWORD": "wrong",
        "PGDATABASE": "nowhere",
        "PGAPPNAME": "other",
    }.items():
        monkeypatch.setenv(name, value)
    assert await rows(at(postgresql), "1 AS one") == [{"one": 1}]


async def test_values_are_what_the_format_says(postgresql: Running) -> None:
    text = (
        "NULL AS n, true AS t, 7::int2 AS i, 9223372036854775807 AS big, 1.50 AS d,"
        " 1.5::float8 AS f, 'NaN'::float8 AS nan, 'abc'::name AS name, 10::oid AS oid,"
        " '\\x00ff41'::bytea AS b, ARRAY[1,2] AS ints, ARRAY['a',NULL,'{,\"}'] AS texts,"
        " '{\"a\": 1}'::jsonb AS j, '10.0.0.1/8'::inet AS ip, '1 day'::interval AS iv,"
        " date '2024-01-02' AS day, timestamp '2024-01-02 03:04:05.000006' AS at,"
        " timestamptz '2024-01-02 03:04:05+02' AS tz, timestamptz 'infinity' AS never,"
        " ARRAY[date '1970-01-02'] AS days, '{a=r/b}'::text::varchar AS acl, ''::text AS e"
    )
    day = 1_704_153_600 * 10**9
    assert await rows(at(postgresql), text) == [
        {
            "n": None,
            "t": True,
            "i": 7,
            "big": 2**63 - 1,
            "d": "1.50",
            "f": 1.5,
            "nan": "nan",
            "name": "abc",
            "oid": "10",
            "b": "\x00\\xffA",
            "ints": [1, 2],
            "texts": ["a", None, '{,"}'],
            "j": '{"a": 1}',
            "ip": "10.0.0.1/8",
            "iv": "1 day",
            "day": day,
            "at": day + (3 * 3_600 + 4 * 60 + 5) * 10**9 + 6_000,
            "tz": day + (1 * 3_600 + 4 * 60 + 5) * 10**9,
            "never": "infinity",
            "days": [86_400 * 10**9],
            "acl": "{a=r/b}",
            "e": "",
        }
    ]


async def test_dates_do_not_depend_on_how_the_account_likes_them(
    postgresql: Running, role: str
) -> None:
    with admin_postgresql(postgresql) as connection:
        connection.execute(f"ALTER ROLE {role} SET datestyle = 'German'".encode())
        connection.execute(f"ALTER ROLE {role} SET timezone = 'Asia/Kolkata'".encode())
    endpoint = replace(at(postgresql), user=role, password="x")
    found = await rows(endpoint, "timestamptz '2024-01-02 00:00:00+00' AS tz")
    assert found == [{"tz": 1_704_153_600 * 10**9}]


async def test_show_all_tells_the_server_s_settings_not_those_of_our_session(
    postgresql: Running,
) -> None:
    after = select("current_setting('statement_timeout') AS s")
    answers = await ask(at(postgresql), SHOW, after)
    shown = answers[SHOW]
    assert isinstance(shown, list)
    settings = {row["name"]: row["setting"] for row in shown}
    assert settings["statement_timeout"] == "0"
    assert settings["lock_timeout"] == "0"
    assert settings["default_transaction_read_only"] == "off"
    assert answers[after] == [{"s": "15s"}]


async def test_one_statement_only(postgresql: Running) -> None:
    for text in ("1; SELECT 2", "1; COMMIT; CREATE TABLE stt_never (a int)"):
        answer = (await ask(at(postgresql), select(text)))[select(text)]
        assert isinstance(answer, Failure)
        assert answer.kind is Kind.QUERY


async def test_a_query_cannot_make_its_session_writable(
    postgresql: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a statement that the read-only check let through."""
    monkeypatch.setattr(postgresql_line, "refusal", lambda *_: "")
    attempts = [
        select("set_config('transaction_read_only', 'off', true)"),
        select("set_config('default_transaction_read_only', 'off', false)"),
    ]
    write = select("* INTO stt_never FROM pg_roles")
    answers = await ask(at(postgresql), *attempts, write)
    failure = answers[write]
    assert isinstance(failure, Failure)
    assert "read-only transaction" in failure.reason


async def test_a_failure_ends_neither_the_time_out_nor_the_read_only_transaction(
    postgresql: Running,
) -> None:
    bad = select("no_such_column")
    text = (
        "current_setting('statement_timeout') AS s, current_setting('transaction_read_only') AS r"
    )
    answers = await ask(at(postgresql), bad, select(text))
    assert answers[select(text)] == [{"s": "15s", "r": "on"}]


async def test_the_server_sees_who_asks(postgresql: Running) -> None:
    endpoint = replace(at(postgresql), application="stt-worker/a_check")
    text = "current_setting('application_name') AS a"
    assert await rows(endpoint, text) == [{"a": "stt-worker/a_check"}]


async def test_a_standby_is_called_so(servers_folder: Path) -> None:
    def start() -> Running:
        return embedded_postgresql.start(servers_folder / "postgresql-standby")

    with serving("PostgreSQL 18", start) as running:
        (running.directory / "data" / "standby.signal").touch()
        running.restart()
        inspection = await PostgresqlDatabase().inspect(at(running), lambda _: [], Limits())
    assert inspection.facts.role == "standby"
