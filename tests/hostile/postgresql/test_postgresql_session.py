"""Nothing that a server sets for our session prevents or changes a verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running, own_directory, run_once
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.port import Answer, Endpoint, Failure, InspectionError, Limits
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.hostile.postgresql.postgresql_tenant import do, least_account, session
from tests.hostile.session_settings import verdicts
from tests.servers.fixtures import serving
from tests.support.checks.real import CheckRunner, endpoint, open_check_runner

SHOW = Question(type=QueryType.POSTGRESQL_SHOW)
LOGIN_TRIGGER = [
    "CREATE SCHEMA audit",
    "CREATE TABLE audit.logins (who text, path text)",
    "GRANT USAGE ON SCHEMA audit TO stt_least",
    "GRANT INSERT ON audit.logins TO stt_least",
    (
        "CREATE FUNCTION audit.login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO audit.logins VALUES (current_user, current_setting('search_path'));"
        " IF session_user = 'stt_least' THEN {} END IF; END $$"
    ),
    "CREATE EVENT TRIGGER audit ON login EXECUTE FUNCTION audit.login()",
]
NO_LOGIN_TRIGGER = ["DROP EVENT TRIGGER audit", "DROP SCHEMA audit CASCADE"]


@pytest.fixture
async def runner() -> AsyncIterator[CheckRunner]:
    async with open_check_runner() as one:
        yield one


@pytest.fixture
def least(postgresql: Running) -> Iterator[Endpoint]:
    with least_account(postgresql) as where:
        yield where


def select(text: str) -> Question:
    return Question(type=QueryType.POSTGRESQL_SELECT, text=text)


async def answer(where: Endpoint, question: Question) -> Answer:
    inspection = await PostgresqlDatabase().inspect(where, lambda _: [question], Limits())
    return inspection.answers[question]


@contextmanager
def login_trigger(server: Running, also: str = "NULL;") -> Iterator[None]:
    do(server, [line.replace("{}", also) for line in LOGIN_TRIGGER])
    try:
        yield
    finally:
        do(server, NO_LOGIN_TRIGGER)


async def test_a_login_trigger_that_writes_changes_no_verdict(
    runner: CheckRunner, postgresql: Running, least: Endpoint
) -> None:
    before = verdicts(await runner.run_all(least))
    assert [name for name, one in before.items() if one[0] == "error"] == []
    with login_trigger(postgresql):
        assert verdicts(await runner.run_all(least)) == before
        with session(postgresql, "postgres") as admin:
            seen = admin.execute("SELECT DISTINCT path FROM audit.logins WHERE who = 'stt_least'")
            assert seen.fetchall() == [("pg_catalog,pg_temp",)]


async def test_a_login_trigger_cannot_change_a_verdict(
    runner: CheckRunner, postgresql: Running, least: Endpoint
) -> None:
    before = verdicts(await runner.run_all(least))
    bends = (
        "PERFORM set_config('search_path', 'audit, pg_catalog', false);"
        " PERFORM set_config('role', 'pg_monitor', false);"
        " PERFORM set_config('transaction_timeout', '1s', false);"
        " PERFORM set_config('standard_conforming_strings', 'off', false);"
        " CREATE TEMP TABLE pg_roles AS SELECT * FROM pg_catalog.pg_roles LIMIT 1;"
    )
    do(postgresql, ["GRANT pg_monitor TO stt_least"])
    with login_trigger(postgresql, bends):
        assert verdicts(await runner.run_all(least)) == before


async def test_what_a_login_trigger_reads_is_not_taken_for_the_server_s_settings(
    postgresql: Running, least: Endpoint
) -> None:
    with login_trigger(postgresql):
        shown = await answer(least, SHOW)
    assert isinstance(shown, Failure)
    assert shown.kind is Kind.SESSION
    assert "login trigger" in shown.reason


@pytest.mark.parametrize(
    "value", ["statement_timeout = 1", "lock_timeout = 1", "transaction_timeout = 1"]
)
async def test_a_role_that_is_given_no_time_is_evaluated_or_refused(
    runner: CheckRunner, postgresql: Running, least: Endpoint, value: str
) -> None:
    before = verdicts(await runner.run_all(least))
    do(postgresql, [f"ALTER ROLE stt_least SET {value}"])
    after = verdicts(await runner.run_all(least))
    assert after == before or {one[0] for one in after.values()} == {"error"}


async def test_a_role_given_to_the_session_is_put_down(
    postgresql: Running, least: Endpoint
) -> None:
    do(postgresql, ["GRANT pg_signal_backend TO stt_least"])
    do(postgresql, ["ALTER ROLE stt_least SET role = pg_signal_backend"])
    assert await answer(least, select("current_user AS u")) == [{"u": "stt_least"}]


async def test_text_of_the_query_means_the_same_whatever_the_database_sets(
    postgresql: Running, least: Endpoint
) -> None:
    question = select(
        r"'a\b' AS text, '\x41'::bytea AS bytes, ARRAY['NULL', NULL]::text AS items,"
        r" '1 day 2 hours'::interval AS span, quote_ident('a') AS name,"
        r" timestamptz '2024-01-02 00:00:00+00' AS at, 0.1::float8 + 0.2::float8 AS sum"
    )
    before = await answer(least, question)
    for line in (
        *("standard_conforming_strings = off", "backslash_quote = on", "array_nulls = off"),
        *("bytea_output = escape", "IntervalStyle = iso_8601", "quote_all_identifiers = on"),
        *("DateStyle = German", "TimeZone = 'Asia/Kolkata'", "extra_float_digits = -15"),
    ):
        do(postgresql, [f"ALTER ROLE stt_least SET {line}"])
        assert await answer(least, question) == before, line


async def test_show_all_is_what_others_see_or_refused(postgresql: Running, least: Endpoint) -> None:
    with session(postgresql, "postgres") as admin:
        admin.execute("CREATE ROLE stt_other LOGIN PASSWORD 'x' IN ROLE pg_monitor")
        try:
            with psycopg.connect(
                host=postgresql.host,
                port=postgresql.port,
                dbname="postgres",
                user="stt_other",
                password="x",
            ) as other:
                theirs = {row[0]: row[1] for row in other.execute("SHOW ALL")}
        finally:
            admin.execute("DROP ROLE stt_other")
    shown = await answer(least, SHOW)
    assert isinstance(shown, list)
    ours = {row["name"]: row["setting"] for row in shown}
    assert list(shown[0]) == ["name", "setting", "description"]
    assert {k: (v, theirs[k]) for k, v in ours.items() if v != theirs[k]} == {}
    assert ours.keys() == theirs.keys()
    do(postgresql, ["ALTER ROLE stt_least SET log_statement_stats = on"])
    refused = await answer(least, SHOW)
    assert isinstance(refused, Failure)
    assert (refused.kind, "log_statement_stats" in refused.reason) == (Kind.SESSION, True)


@pytest.fixture(scope="module")
def pair(servers_folder: Path) -> Iterator[tuple[Running, Running]]:
    """A primary and its streaming standby."""
    binaries = embedded.installed(15)

    def start_primary() -> Running:
        return embedded.start(servers_folder / "session-primary", binaries=binaries)

    with serving("PostgreSQL 15", start_primary) as primary:
        folder = own_directory(servers_folder / "session-standby", primary.owner)
        words = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", str(folder / "data")]
        where = ["-h", primary.host, "-p", str(primary.port), "-U", primary.user]
        run_once([str(binaries / "pg_basebackup"), *words, *where], owner=primary.owner)
        with serving("PostgreSQL 15", lambda: embedded.start(folder, binaries=binaries)) as standby:
            yield primary, standby


async def test_a_standby_is_evaluated_whatever_isolation_is_its_default(
    runner: CheckRunner, pair: tuple[Running, Running]
) -> None:
    primary, standby = pair
    where = endpoint(standby, Family.POSTGRESQL)
    before = verdicts(await runner.run_all(where))
    assert [name for name, one in before.items() if one[0] == "error"] == []
    do(standby, ["ALTER SYSTEM SET default_transaction_isolation = serializable"])
    do(standby, ["ALTER SYSTEM SET default_transaction_deferrable = on"])
    standby.restart()
    assert primary.pid
    assert verdicts(await runner.run_all(where)) == before


async def test_a_server_that_cannot_be_pinned_is_refused(postgresql: Running) -> None:
    """A superuser who replaces set_config in pg_catalog owns the server; it is still reported."""
    do(postgresql, ["ALTER FUNCTION pg_catalog.set_config(text, text, boolean) RENAME TO set_conf"])
    try:
        with pytest.raises(InspectionError) as caught:
            await answer(endpoint(postgresql, Family.POSTGRESQL), select("1 AS one"))
    finally:
        do(
            postgresql,
            ["ALTER FUNCTION pg_catalog.set_conf(text, text, boolean) RENAME TO set_config"],
        )
    assert caught.value.kind is Kind.SESSION
    assert "cannot be pinned" in caught.value.reason


async def test_another_database_in_place_of_the_one_asked_for_is_no_answer(
    postgresql: Running,
) -> None:
    where = replace(endpoint(postgresql, Family.POSTGRESQL), database="template1")
    found = await answer(where, select("current_database() AS d"))
    assert found == [{"d": "template1"}]
