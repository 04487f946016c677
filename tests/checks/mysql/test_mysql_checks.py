"""The MySQL checks on real servers, in both directions, with the traps seen there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Outcome
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    mysql_state,
)
from tests.support.checks.scenario import mend

EMPTY, ANONYMOUS = "mysql_empty_password", "mysql_anonymous_users"


@pytest.fixture(params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def mended(
    runner: CheckRunner, server: Running, check: str, account: str, severity: str
) -> None:
    """The check finds the account, its own remediation is executed, the check finds it no more."""
    where = endpoint(server, Family.MYSQL)
    outcome = await runner.run(check, where)
    (finding,) = [f for f in outcome.findings if f.object == account]
    assert finding.severity == severity
    mend(server, Family.MYSQL, finding)
    assert account not in await runner.objects(check, where)


@pytest.mark.parametrize("check", [EMPTY, ANONYMOUS])
async def test_a_default_install_has_no_finding(
    runner: CheckRunner, server: Running, check: str
) -> None:
    assert await runner.objects(check, endpoint(server, Family.MYSQL)) == {}


@pytest.mark.parametrize(
    ("account", "quoted"),
    [
        ("'report'@'%'", "'report'@'%'"),
        ("'o''brien'@'10.%'", "'o''brien'@'10.%'"),
        (r"'back\\slash'@'localhost'", r"'back\\slash'@'localhost'"),
        (r"'two\nlines'@'%'", r"'two\nlines'@'%'"),
        ("'名前 \" x'@'%'", "'名前 \" x'@'%'"),
    ],
)
async def test_an_account_without_a_password_is_found_under_its_quoted_name_and_mended(
    runner: CheckRunner, server: Running, account: str, quoted: str
) -> None:
    with mysql_state(server, [f"CREATE USER {account}"], [f"DROP USER {account}"]):
        await mended(runner, server, EMPTY, quoted, "critical")


async def test_an_expired_empty_password_is_still_a_finding(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE USER 'late'@'%' PASSWORD EXPIRE"]
    with mysql_state(server, make, ["DROP USER 'late'@'%'"]):
        await mended(runner, server, EMPTY, "'late'@'%'", "critical")


async def test_locked_accounts_and_roles_are_not_counted(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE USER 'shut'@'%' ACCOUNT LOCK", "CREATE ROLE readers"]
    with mysql_state(server, make, ["DROP USER 'shut'@'%'", "DROP ROLE readers"]):
        assert await runner.objects(EMPTY, endpoint(server, Family.MYSQL)) == {}


async def test_an_anonymous_account_is_found_and_mended_and_counted_once(
    runner: CheckRunner, server: Running
) -> None:
    account = "''@'anon.example'"
    undo = [f"DROP USER IF EXISTS {account}"]
    with mysql_state(server, [f"CREATE USER {account}"], undo):
        assert account not in await runner.objects(EMPTY, endpoint(server, Family.MYSQL))
        await mended(runner, server, ANONYMOUS, account, "critical")


async def test_an_anonymous_account_with_a_password_or_locked_is_major(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE USER ''@'a.example' IDENTIFIED BY 'Str0ng-enough'"]
    make += ["CREATE USER ' '@'b.example' ACCOUNT LOCK"]
    undo = ["DROP USER ''@'a.example'", "DROP USER ''@'b.example'"]
    with mysql_state(server, make, undo):
        found = await runner.objects(ANONYMOUS, endpoint(server, Family.MYSQL))
    assert found == {"''@'a.example'": "major", "''@'b.example'": "major"}


async def test_accounts_of_the_operating_system_need_no_password(
    runner: CheckRunner, mariadb: Running
) -> None:
    make = ["CREATE USER 'os1'@'localhost' IDENTIFIED VIA unix_socket"]
    with mysql_state(mariadb, make, ["DROP USER 'os1'@'localhost'"]):
        assert await runner.objects(EMPTY, endpoint(mariadb, Family.MYSQL)) == {}


@pytest.mark.parametrize(
    "via",
    [
        "mysql_native_password USING '' OR unix_socket",
        "unix_socket OR mysql_native_password USING ''",
    ],
)
async def test_an_empty_password_beside_another_way_in_is_an_open_door(
    runner: CheckRunner, mariadb: Running, via: str
) -> None:
    make = [f"CREATE USER 'either'@'%' IDENTIFIED VIA {via}"]
    with mysql_state(mariadb, make, ["DROP USER 'either'@'%'"]):
        await mended(runner, mariadb, EMPTY, "'either'@'%'", "critical")


async def test_the_builtin_role_public_of_mariadb_is_nobody(
    runner: CheckRunner, mariadb: Running
) -> None:
    make = ["GRANT USAGE ON *.* TO PUBLIC"]
    with mysql_state(mariadb, make, ["REVOKE USAGE ON *.* FROM PUBLIC"]):
        assert await runner.objects(EMPTY, endpoint(mariadb, Family.MYSQL)) == {}
        assert await runner.objects(ANONYMOUS, endpoint(mariadb, Family.MYSQL)) == {}


async def test_an_unlocked_role_of_mysql_can_be_logged_in_to(
    runner: CheckRunner, mysql: Running
) -> None:
    make = ["CREATE ROLE 'open_role'", "ALTER USER 'open_role' ACCOUNT UNLOCK"]
    with mysql_state(mysql, make, ["DROP ROLE 'open_role'"]):
        found = await runner.objects(EMPTY, endpoint(mysql, Family.MYSQL))
    assert found == {"'open_role'@'%'": "critical"}


@pytest.mark.parametrize("check", [EMPTY, ANONYMOUS])
async def test_without_the_grant_the_check_names_it_and_does_not_pass(
    runner: CheckRunner, server: Running, check: str
) -> None:
    make = ["CREATE USER 'poor'@'%' IDENTIFIED BY 'Str0ng-enough'"]
    with mysql_state(server, make, ["DROP USER 'poor'@'%'"]):
        where = endpoint(server, Family.MYSQL)
        poor = replace(where, user="poor", password="Str0ng-enough")
        outcome = await runner.run(check, poor)
    assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
    assert "SELECT ON mysql." in outcome.reason


async def test_no_hash_is_in_any_evidence(runner: CheckRunner, server: Running) -> None:
    make = ["CREATE USER ''@'h.example' IDENTIFIED BY 'Str0ng-enough'"]
    with mysql_state(server, make, ["DROP USER ''@'h.example'"]):
        outcome = await runner.run(ANONYMOUS, endpoint(server, Family.MYSQL))
    assert "$A$" not in str(outcome)
    assert "*" not in str([f.evidence for f in outcome.findings])


async def test_the_version_is_evaluated_by_the_product_it_is(
    runner: CheckRunner, server: Running
) -> None:
    outcome = await runner.run("mysql_version", endpoint(server, Family.MYSQL))
    assert outcome.outcome in {Outcome.PASSED, Outcome.FAILED}, outcome
    product = "MariaDB 10.11." if server.name == "mariadb" else "MySQL 9.7."
    assert all(finding.summary.startswith(product) for finding in outcome.findings)
