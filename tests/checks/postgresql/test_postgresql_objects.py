"""Objects of PostgreSQL's databases: what is found, what is not, and who may look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import mend, statements
from tests.support.checks.states.postgresql_objects import DEFINERS, NO_DEFINERS

OWN = "Monitor 1: password"
DEFINER = "postgresql_security_definer_path"
FDW = "postgresql_fdw_passwords"
GRANTS = "postgresql_public_table_grants"
SCHEMAS = "postgresql_public_schema_create"


@pytest.fixture(params=["postgresql", "postgresql15"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def monitor(server: Running) -> Iterator[Endpoint]:
    """An account with a log-in and nothing else."""
    make = [f"CREATE ROLE monitor LOGIN PASSWORD '{OWN}'"]
    with postgresql_state(server, make, ["DROP OWNED BY monitor", "DROP ROLE monitor"]):
        yield replace(endpoint(server, Family.POSTGRESQL), user="monitor", password=OWN)


def session(where: Endpoint, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host=where.host,
        port=where.port,
        user=where.user,
        password=where.password,
        dbname=database,
        autocommit=True,
    )


async def test_an_account_without_rights_finds_what_the_administrator_finds(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    make = [
        "CREATE TABLE open_one (a int)",
        "GRANT SELECT ON open_one TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        *DEFINERS,
    ]
    undo = ["DROP TABLE open_one", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", *NO_DEFINERS]
    with postgresql_state(server, make, undo):
        for check in (DEFINER, GRANTS, SCHEMAS):
            found = await runner.objects(check, endpoint(server, Family.POSTGRESQL))
            assert found
            assert await runner.objects(check, monitor) == found


async def test_only_the_routines_that_a_caller_can_lead_astray_are_found(
    runner: CheckRunner, server: Running
) -> None:
    with postgresql_state(server, DEFINERS, NO_DEFINERS):
        found = await runner.objects(DEFINER, endpoint(server, Family.POSTGRESQL))
    names = {str(name).split("(")[0] for name in found}
    wanted = ("evil", "work", "fired", "temporary", "unmade", "empty")
    assert names == {f"postgres.app.{name}" for name in wanted}


async def test_a_caller_leads_a_routine_astray_until_its_remediation_is_executed(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    make = [
        "CREATE SCHEMA app",
        "GRANT USAGE ON SCHEMA app TO PUBLIC",
        "CREATE TABLE app.admins AS SELECT 'boss' AS name",
        (
            "CREATE FUNCTION app.who() RETURNS text LANGUAGE plpgsql SECURITY DEFINER"
            " AS 'BEGIN RETURN (SELECT name FROM admins); END'"
        ),
    ]
    where = endpoint(server, Family.POSTGRESQL)
    with postgresql_state(server, make, ["DROP SCHEMA app CASCADE"]):
        (finding,) = (await runner.run(DEFINER, where)).findings
        with session(monitor) as caller:
            caller.execute("CREATE TEMP TABLE admins AS SELECT 'me' AS name")
            caller.execute("GRANT SELECT ON admins TO PUBLIC")
            assert caller.execute("SELECT app.who()").fetchone() == ("me",)
            mend(server, Family.POSTGRESQL, finding)
            assert caller.execute("SELECT app.who()").fetchone() == ("boss",)
        assert await runner.objects(DEFINER, where) == {}


async def test_what_extensions_grant_in_their_own_tables_is_no_finding_and_what_people_add_is(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    make = ["CREATE EXTENSION pg_stat_statements"]
    with postgresql_state(server, make, ["DROP EXTENSION pg_stat_statements"]):
        assert await runner.objects(GRANTS, where) == {}
        postgresql_do(server, ["GRANT UPDATE ON pg_stat_statements TO PUBLIC"])
        assert await runner.objects(GRANTS, where) == {
            "postgres.public.pg_stat_statements": "major"
        }


@contextmanager
def another_database(server: Running) -> Iterator[Endpoint]:
    """A database whose name has to be quoted, with tables and schemas open to everybody."""
    make = [
        'CREATE DATABASE "other.db"',
        "CREATE ROLE ann LOGIN",
        'GRANT CREATE ON DATABASE "other.db" TO ann',
    ]
    with postgresql_state(server, make, ['DROP DATABASE "other.db" (FORCE)', "DROP ROLE ann"]):
        where = endpoint(server, Family.POSTGRESQL)
        with session(where, "other.db") as there:
            there.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
            there.execute('CREATE TABLE "my.t" (a int)')
            there.execute('GRANT ALL ON "my.t" TO PUBLIC')
        yield where


async def test_another_database_is_found_by_its_name_and_mended_there(
    runner: CheckRunner, server: Running
) -> None:
    wanted = {SCHEMAS: '"other.db".public', GRANTS: '"other.db".public."my.t"'}
    with another_database(server) as where:
        for check, thing in wanted.items():
            (finding,) = (await runner.run(check, where)).findings
            assert (finding.object, finding.severity) == (thing, "major")
            with session(where, "other.db") as there:
                for statement in statements(finding.remediation):
                    there.execute(statement.encode())
            assert await runner.objects(check, where) == {}


async def test_a_language_in_use_is_not_dropped_and_its_routines_are_named(
    runner: CheckRunner, server: Running
) -> None:
    check, where = "postgresql_untrusted_languages", endpoint(server, Family.POSTGRESQL)
    make = [
        "CREATE LANGUAGE evil HANDLER plpgsql_call_handler",
        "CREATE FUNCTION ev(int) RETURNS int LANGUAGE evil AS 'BEGIN RETURN 1; END'",
    ]
    with postgresql_state(server, make, ["DROP LANGUAGE evil CASCADE"]):
        (finding,) = (await runner.run(check, where)).findings
        assert finding.fix is not None
        assert "public.ev(integer)" in finding.fix.before
        assert (finding.fix.statement, finding.fix.action != "") == ((), True)


@pytest.fixture
def mapped(server: Running) -> Iterator[None]:
    """A user mapping whose options the view hides from all but a superuser and the owner."""
    make = [
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER billing FOREIGN DATA WRAPPER postgres_fdw",
        "CREATE ROLE ann",
        "CREATE USER MAPPING FOR ann SERVER billing OPTIONS (user 'a', password 'hidden-word')",
    ]
    with postgresql_state(server, make, ["DROP EXTENSION postgres_fdw CASCADE", "DROP ROLE ann"]):
        yield


@pytest.mark.usefixtures("mapped")
async def test_hidden_options_of_mappings_are_a_missing_privilege_and_never_a_pass(
    runner: CheckRunner, monitor: Endpoint
) -> None:
    outcome = await runner.run(FDW, monitor)
    assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
    assert "pg_user_mapping" in outcome.reason


@pytest.mark.usefixtures("mapped")
async def test_owners_and_superusers_can_read_the_options(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    postgresql_do(server, ["GRANT pg_read_all_data TO monitor"])
    assert await runner.objects(FDW, monitor) == {"postgres.billing.ann": "trivial"}
    postgresql_do(server, ["REVOKE pg_read_all_data FROM monitor"])
    more = [
        "CREATE USER MAPPING FOR monitor SERVER billing OPTIONS (password 'x')",
        "DROP USER MAPPING FOR ann SERVER billing",
        "GRANT USAGE ON FOREIGN SERVER billing TO monitor",
    ]
    postgresql_do(server, more)
    assert await runner.objects(FDW, monitor) == {"postgres.billing.monitor": "trivial"}


@pytest.mark.usefixtures("mapped")
async def test_no_word_of_a_stored_password_leaves_the_server(
    runner: CheckRunner, server: Running
) -> None:
    outcome = await runner.run(FDW, endpoint(server, Family.POSTGRESQL))
    assert outcome.outcome == "failed"
    assert "hidden-word" not in repr(outcome)


async def test_an_account_with_its_own_value_is_reported(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    check = "postgresql_log_content"
    mended = [
        "ALTER SYSTEM SET log_line_prefix = '%m %p %u %d %h '",
        "ALTER SYSTEM SET log_statement = ddl",
        "SELECT pg_reload_conf()",
    ]
    undo = [
        "ALTER SYSTEM RESET log_line_prefix",
        "ALTER SYSTEM RESET log_statement",
        "SELECT pg_reload_conf()",
    ]
    with postgresql_state(server, mended, undo):
        assert await runner.objects(check, monitor) == {}
        postgresql_do(server, ["ALTER ROLE monitor SET log_statement = 'all'"])
        outcome = await runner.run(check, monitor)
    assert (outcome.outcome, outcome.kind) == ("skipped", "undecided")
    assert "its own log_statement" in outcome.reason
