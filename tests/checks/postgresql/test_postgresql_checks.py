"""The PostgreSQL checks on real servers, in both directions, with the traps seen there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import mend

SUPER = "postgresql_super_role"


@pytest.fixture(params=["postgresql", "postgresql15"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def found(runner: CheckRunner, server: Running) -> dict[str | None, str]:
    return await runner.objects(SUPER, endpoint(server, Family.POSTGRESQL))


async def mended(runner: CheckRunner, server: Running, role: str) -> None:
    outcome = await runner.run(SUPER, endpoint(server, Family.POSTGRESQL))
    (finding,) = [f for f in outcome.findings if f.object == role]
    assert finding.severity == "major"
    mend(server, Family.POSTGRESQL, finding)
    assert role not in await found(runner, server)


async def test_a_default_install_has_no_finding(runner: CheckRunner, server: Running) -> None:
    assert await found(runner, server) == {}


@pytest.mark.parametrize("role", ["app", "Bob the DBA", 'quo"te'])
async def test_a_superuser_that_can_log_in_is_found_by_its_bare_name_and_mended(
    runner: CheckRunner, server: Running, role: str
) -> None:
    quoted = '"' + role.replace('"', '""') + '"'
    make = [f"CREATE ROLE {quoted} LOGIN SUPERUSER"]
    with postgresql_state(server, make, [f"DROP ROLE {quoted}"]):
        await mended(runner, server, role)


async def test_a_member_that_may_become_superuser_is_found_though_it_does_not_inherit(
    runner: CheckRunner, server: Running
) -> None:
    make = [
        "CREATE ROLE dba SUPERUSER NOLOGIN",
        "CREATE ROLE dev LOGIN NOINHERIT",
        "GRANT dba TO dev",
    ]
    with postgresql_state(server, make, ["DROP ROLE dev", "DROP ROLE dba"]):
        await mended(runner, server, "dev")


async def test_a_member_of_a_member_is_found_and_mended_at_its_own_membership(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE top SUPERUSER", "CREATE ROLE middle", "CREATE ROLE low LOGIN"]
    make += ["GRANT top TO middle", "GRANT middle TO low"]
    undo = ["DROP ROLE low", "DROP ROLE middle", "DROP ROLE top"]
    with postgresql_state(server, make, undo):
        await mended(runner, server, "low")


async def test_a_superuser_that_cannot_log_in_and_has_no_members_is_no_finding(
    runner: CheckRunner, server: Running
) -> None:
    with postgresql_state(server, ["CREATE ROLE nobody_su SUPERUSER"], ["DROP ROLE nobody_su"]):
        assert await found(runner, server) == {}


async def test_a_member_without_the_right_to_set_the_role_is_no_finding_from_16_on(
    runner: CheckRunner, postgresql: Running
) -> None:
    make = ["CREATE ROLE dba SUPERUSER", "CREATE ROLE dev LOGIN"]
    make += ["GRANT dba TO dev WITH SET FALSE, INHERIT FALSE"]
    with postgresql_state(postgresql, make, ["DROP ROLE dev", "DROP ROLE dba"]):
        assert await found(runner, postgresql) == {}


async def test_an_expired_password_is_mentioned_and_is_still_a_finding(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE old LOGIN SUPERUSER VALID UNTIL '2020-01-01'"]
    with postgresql_state(server, make, ["DROP ROLE old"]):
        outcome = await runner.run(SUPER, endpoint(server, Family.POSTGRESQL))
    (finding,) = outcome.findings
    assert "VALID UNTIL has passed" in finding.description


async def test_pmms_monitor_is_known_and_a_providers_name_hides_nobody(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE pmm_user LOGIN SUPERUSER", "CREATE ROLE rdsadmin LOGIN SUPERUSER"]
    undo = ["DROP ROLE pmm_user", "DROP ROLE rdsadmin"]
    with postgresql_state(server, make, undo):
        assert await found(runner, server) == {"rdsadmin": "major"}


async def test_the_superuser_of_initdb_under_another_name_is_distinguished_and_mended(
    runner: CheckRunner, servers_folder: Path
) -> None:
    running = embedded.start(servers_folder / "bootstrap", superuser="shop")
    try:
        outcome = await runner.run(SUPER, endpoint(running, Family.POSTGRESQL))
        (finding,) = outcome.findings
        mend(running, Family.POSTGRESQL, finding)
        running.user = "postgres"
        assert await found(runner, running) == {}
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            postgresql_do(replace(running, user="shop"), ["SELECT 1"])
    finally:
        running.stop()
    assert finding.object == "shop"
    assert "initdb" in finding.summary


async def test_a_membership_is_taken_away_from_whoever_granted_it(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE dba SUPERUSER", "CREATE ROLE lead SUPERUSER", "CREATE ROLE dev LOGIN"]
    make += ["GRANT dba TO lead WITH ADMIN OPTION", "SET ROLE lead", "GRANT dba TO dev"]
    make += ["RESET ROLE", "GRANT dba TO dev"]
    undo = ["DROP OWNED BY lead", "DROP ROLE dev", "DROP ROLE lead", "DROP ROLE dba"]
    with postgresql_state(server, make, undo):
        await mended(runner, server, "dev")


async def test_a_role_with_nothing_but_a_log_in_may_ask(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE plain LOGIN PASSWORD 'plain'", "CREATE ROLE app LOGIN SUPERUSER"]
    with postgresql_state(server, make, ["DROP ROLE plain", "DROP ROLE app"]):
        where = endpoint(server, Family.POSTGRESQL)
        plain = type(where)(
            family=where.family,
            host=where.host,
            port=where.port,
            user="plain",
            password="plain",
            database="postgres",
            tls=where.tls,
        )
        assert await runner.objects(SUPER, plain) == {"app": "major"}
        version = await runner.run("postgresql_version", plain)
    assert version.outcome in {"passed", "failed"}


async def test_the_version_is_that_of_the_running_server(
    runner: CheckRunner, server: Running
) -> None:
    outcome = await runner.run("postgresql_version", endpoint(server, Family.POSTGRESQL))
    assert outcome.outcome in {"passed", "failed"}, outcome
    major = "15." if "15" in str(server.directory) else "18."
    assert all(f.summary.startswith(f"PostgreSQL {major}") for f in outcome.findings)
