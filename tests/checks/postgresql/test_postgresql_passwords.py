"""PostgreSQL's passwords on real servers: how they are kept, who may learn it, what guards them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import KINDS_OF_PASSWORDS, Account, Product, steps
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Limits
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import statements

MD5 = "postgresql_md5_hashes"
OWN = "Monitor 1: password"
MAKE = [
    f"CREATE ROLE monitor LOGIN PASSWORD '{OWN}'",
    "CREATE ROLE nothing LOGIN",
    "SET password_encryption = 'md5'",
    "CREATE ROLE old LOGIN PASSWORD 'Str0ng-enough'",
]
UNDO = ["DROP ROLE monitor", "DROP ROLE nothing", "DROP ROLE old"]
EVIL = (
    "CREATE FUNCTION stt.password_kinds(OUT role text, OUT kind text) RETURNS SETOF record"
    " LANGUAGE sql SECURITY DEFINER AS $$ SELECT 'evil', 'scram' $$"
)


@pytest.fixture(params=["postgresql", "postgresql15"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def monitor(server: Running) -> Iterator[Endpoint]:
    """An account with a log-in and nothing else, beside a role whose password is kept as MD5."""
    with postgresql_state(server, MAKE, UNDO):
        where = endpoint(server, Family.POSTGRESQL)
        yield replace(where, user="monitor", password=OWN)


@contextmanager
def made_by(server: Running, owner: str, *, definer: bool = True) -> Iterator[None]:
    """The function of that name, which `owner` made in a schema of their own."""
    make = [
        "GRANT CREATE ON DATABASE postgres TO nothing",
        f'SET ROLE "{owner}"',
        "CREATE SCHEMA stt",
        "GRANT USAGE ON SCHEMA stt TO PUBLIC",
        EVIL if definer else EVIL.replace(" SECURITY DEFINER", ""),
    ]
    undo = ["DROP SCHEMA stt CASCADE", "REVOKE CREATE ON DATABASE postgres FROM nothing"]
    with postgresql_state(server, make, undo):
        yield


def ours() -> list[str]:
    """The statements of `stt grants` that make the function and let the account call it."""
    made = steps(Product.POSTGRESQL, [builtin().checks[MD5]], Account(user="monitor"))
    return [line for step in made if step.grant == KINDS_OF_PASSWORDS for line in step.statements]


def logged_in(server: Running, user: str, password: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=server.host, port=server.port, user=user, password=password, dbname="postgres"
    )


async def test_without_any_right_the_grant_is_named(runner: CheckRunner, monitor: Endpoint) -> None:
    outcome = await runner.run(MD5, monitor)
    assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
    assert KINDS_OF_PASSWORDS in outcome.reason


async def test_the_function_is_enough_and_can_be_made_twice(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    with postgresql_state(server, [*ours(), *ours()], ["DROP SCHEMA stt CASCADE"]):
        assert await runner.objects(MD5, monitor) == {"old": "major"}
        postgresql_do(server, ["REVOKE EXECUTE ON FUNCTION stt.password_kinds() FROM monitor"])
        outcome = await runner.run(MD5, monitor)
    assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")


async def test_a_superuser_needs_no_function_and_a_reader_of_all_data_neither(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    assert await runner.objects(MD5, endpoint(server, Family.POSTGRESQL)) == {"old": "major"}
    postgresql_do(server, ["GRANT pg_read_all_data TO monitor"])
    assert await runner.objects(MD5, monitor) == {"old": "major"}


async def test_a_function_that_anybody_else_could_have_made_is_never_called(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    with made_by(server, "nothing"):
        outcome = await runner.run(MD5, monitor)
        assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
        assert await runner.objects(MD5, endpoint(server, Family.POSTGRESQL)) == {"old": "major"}
    with made_by(server, "postgres", definer=False):
        outcome = await runner.run(MD5, monitor)
        assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")


async def test_our_statements_take_a_function_over_that_somebody_else_made(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    with made_by(server, "nothing"):
        postgresql_do(server, ours())
        assert await runner.objects(MD5, monitor) == {"old": "major"}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            postgresql_do(server, ["SET ROLE nothing", "SELECT stt.password_kinds()"])


async def test_no_answer_holds_a_hash(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    del monitor
    where = endpoint(server, Family.POSTGRESQL)
    asked = [query.what for check in builtin().of(where.family) for query in check.queries]
    inspection = await runner.databases[where.family].inspect(where, lambda _: asked, Limits())
    answers = repr(list(inspection.answers.values()))  # without the questions, which name the kinds
    assert "'md5'" in answers
    assert "SCRAM-SHA-256$" not in answers
    assert "'md5" not in answers.replace("'md5'", "")


async def test_the_password_in_use_set_again_mends_it_and_cuts_nobody_off(
    runner: CheckRunner, server: Running, monitor: Endpoint
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    (finding,) = (await runner.run(MD5, where)).findings
    assert finding.fix is not None
    assert finding.fix.statement == ()
    assert "the password that is in use" in finding.fix.action
    scram = "SET password_encryption = 'scram-sha-256'"
    postgresql_do(server, [scram, "ALTER ROLE old PASSWORD 'Str0ng-enough'"])
    assert await runner.objects(MD5, where) == {}
    logged_in(server, "old", "Str0ng-enough").close()
    logged_in(server, "monitor", monitor.password).close()


@pytest.fixture(scope="module", params=["PostgreSQL 18", "PostgreSQL 15"])
def own(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """A server that may be restarted and whose files may be changed."""

    def start() -> Running:
        new = request.param == "PostgreSQL 18"
        binaries = embedded.packaged() if new else embedded.installed(15)
        folder = servers_folder / f"own{18 if new else 15}"
        return embedded.start(folder, password=PASSWORD, binaries=binaries)

    running = server_or_reason(request.param, start)
    yield running
    running.stop()


async def test_a_brake_on_guessing_is_there_after_the_findings_statements_and_a_restart(
    runner: CheckRunner, own: Running
) -> None:
    check, where = "postgresql_auth_delay", endpoint(own, Family.POSTGRESQL)
    (finding,) = (await runner.run(check, where)).findings
    assert (finding.object, finding.severity) == ("auth_delay", "trivial")
    postgresql_do(own, statements(finding.remediation))
    (finding,) = (await runner.run(check, where)).findings
    assert finding.remediation.startswith("Restart the server")
    own.restart()
    assert await runner.objects(check, where) == {}
    await loaded_without_a_number(runner, own)


async def loaded_without_a_number(runner: CheckRunner, own: Running) -> None:
    check, where = "postgresql_auth_delay", endpoint(own, Family.POSTGRESQL)
    postgresql_do(own, ["ALTER SYSTEM RESET auth_delay.milliseconds", "SELECT pg_reload_conf()"])
    (finding,) = (await runner.run(check, where)).findings
    assert (finding.object, finding.severity) == ("auth_delay.milliseconds", "trivial")
    postgresql_do(own, statements(finding.remediation))
    assert await runner.objects(check, where) == {}


async def test_a_weak_password_is_refused_after_the_findings_statements_and_without_a_restart(
    runner: CheckRunner, own: Running
) -> None:
    check, where = "postgresql_password_complexity", endpoint(own, Family.POSTGRESQL)
    (finding,) = (await runner.run(check, where)).findings
    postgresql_do(own, ["ALTER SYSTEM SET session_preload_libraries = 'auth_delay'"])
    postgresql_do(own, ["SELECT pg_reload_conf()"])
    (finding,) = (await runner.run(check, where)).findings
    postgresql_do(own, statements(finding.remediation))
    try:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="too short"):
            postgresql_do(own, ["CREATE ROLE weak LOGIN PASSWORD 'weak'"])
        assert await runner.objects(check, where) == {}
    finally:
        postgresql_do(own, ["ALTER SYSTEM RESET session_preload_libraries"])
        postgresql_do(own, ["SELECT pg_reload_conf()"])


async def test_without_the_right_to_read_settings_the_grant_is_named(
    runner: CheckRunner, monitor: Endpoint
) -> None:
    for check in ("postgresql_password_complexity", "postgresql_auth_delay"):
        outcome = await runner.run(check, monitor)
        assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
        assert "pg_read_all_settings" in outcome.reason


async def test_a_role_with_another_log_in_method_needs_no_password(
    runner: CheckRunner, own: Running
) -> None:
    check, where = "postgresql_no_password_roles", endpoint(own, Family.POSTGRESQL)
    file = own.directory / "data" / "pg_hba.conf"
    before = file.read_text()
    make = ["CREATE ROLE people", "CREATE ROLE ann LOGIN IN ROLE people", "CREATE ROLE bob LOGIN"]
    with postgresql_state(own, make, ["DROP ROLE ann", "DROP ROLE bob", "DROP ROLE people"]):
        assert await runner.objects(check, where) == {"ann": "trivial", "bob": "trivial"}
        file.write_text("local all +people peer\n" + before)
        assert await runner.objects(check, where) == {"bob": "trivial"}
        file.write_text("local all all reject\nlocal all all peer\n" + before)
        assert await runner.objects(check, where) == {"ann": "trivial", "bob": "trivial"}
    file.write_text(before)
