"""The MySQL privilege checks together, on whole servers, and what their queries read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pymysql
import pymysql.cursors
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.guard import holds
from stt_shared.checkfile.model import Query, Server
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Finding
from tests.support.checks.real import (
    CheckRunner,
    as_root,
    encrypted,
    endpoint,
    mysql_state,
)
from tests.support.checks.scenario import mend

CHECKS = [
    *("mysql_root_remote", "mysql_super_remote", "mysql_wildcard_host"),
    *("mysql_public_network_host", "mysql_admin_privileges", "mysql_super_privilege"),
    *("mysql_file_privilege", "mysql_process_privilege", "mysql_shutdown_privilege"),
    *("mysql_create_user_privilege", "mysql_grant_option", "mysql_replication_privilege"),
    *("mysql_system_schema_grants", "mysql_proxy_grants", "mysql_role_login"),
    "mysql_public_role_grants",
]
WITH = "IDENTIFIED BY 'Str0ng-enough'"
PART = builtin().checks["mysql_super_privilege"]
# What each variant cannot know, and the servers' own accounts differ in.
RECENT_COLUMNS = {"withheld", "locked", "alike", "further"}


@pytest.fixture(params=["mariadb", "mysql"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def found(runner: CheckRunner, server: Running) -> dict[str, list[Finding]]:
    """The findings of all these checks by name; an error is an assertion."""
    outcomes = await runner.run_all(endpoint(server, Family.MYSQL), CHECKS)
    broken = {name: one.reason for name, one in outcomes.items() if one.outcome == "error"}
    assert broken == {}
    return {name: list(one.findings) for name, one in outcomes.items() if one.findings}


def objects(findings: dict[str, list[Finding]]) -> dict[str, list[str]]:
    return {name: [str(one.object) for one in each] for name, each in findings.items()}


@contextmanager
def rows_of(server: Running) -> Iterator[Any]:
    connection = as_root(server, cursorclass=pymysql.cursors.DictCursor)

    def ask(text: str) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {text}")
            return list(cursor.fetchall())

    with connection:
        yield ask


def variant(flavour: str, *version: int) -> Query:
    """The query of the accounts that a server of that version is asked."""
    server = Server(flavour=flavour, version=version)
    accounts = [query for query in PART.queries if query.name == "accounts"]
    return next(query for query in accounts if query.when and holds(query.when, server))


async def test_a_default_install_has_no_finding_about_privileges(
    runner: CheckRunner, server: Running
) -> None:
    assert objects(await found(runner, server)) == {}


async def test_an_account_with_everything_is_no_finding_of_each_privilege(
    runner: CheckRunner, server: Running
) -> None:
    make = [
        f"CREATE USER 'dba'@'10.0.0.5' {WITH}",
        "GRANT ALL PRIVILEGES ON *.* TO 'dba'@'10.0.0.5' WITH GRANT OPTION",
    ]
    with mysql_state(server, make, ["DROP USER 'dba'@'10.0.0.5'"]):
        reported = objects(await found(runner, server))
    account = ["'dba'@'10.0.0.5'"]
    assert reported == {"mysql_root_remote": account, "mysql_admin_privileges": account}


async def test_a_root_from_elsewhere_is_one_finding(runner: CheckRunner, server: Running) -> None:
    make = [f"CREATE USER 'root'@'%' {WITH}", "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%'"]
    with mysql_state(server, make, ["DROP USER 'root'@'%'"]):
        assert objects(await found(runner, server)) == {"mysql_root_remote": ["'root'@'%'"]}


MESS = [
    f"CREATE USER 'root'@'%' {WITH}",
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION",
    f"CREATE USER 'dba'@'%' {WITH}",
    "GRANT ALL PRIVILEGES ON *.* TO 'dba'@'%' WITH GRANT OPTION",
    f"CREATE USER 'op'@'10.%' {WITH}",
    "GRANT SUPER, FILE, PROCESS, SHUTDOWN, CREATE USER, SELECT, UPDATE ON *.* TO 'op'@'10.%'",
    f"CREATE USER 'repl'@'10.0.0.6' {WITH}",
    "GRANT REPLICATION SLAVE, SELECT ON *.* TO 'repl'@'10.0.0.6'",
    f"CREATE USER 'shop'@'%' {WITH}",
    "GRANT ALL PRIVILEGES ON `my%`.* TO 'shop'@'%' WITH GRANT OPTION",
    f"CREATE USER 'far'@'203.0.113.7' {WITH}",
    "CREATE ROLE 'many'",
    "GRANT PROCESS, FILE ON *.* TO 'many' WITH GRANT OPTION",
    "GRANT 'many' TO 'far'@'203.0.113.7'",
]
TIDY = [
    *(f"DROP USER IF EXISTS '{user}'@'localhost'" for user in ("dba", "op", "shop", "far")),
    *("DROP USER IF EXISTS 'root'@'%'", "DROP USER IF EXISTS 'dba'@'%'"),
    *("DROP USER IF EXISTS 'op'@'10.%'", "DROP USER IF EXISTS 'shop'@'%'"),
    *("DROP USER IF EXISTS 'far'@'203.0.113.7'", "DROP USER IF EXISTS 'repl'@'10.0.0.6'"),
    "DROP ROLE IF EXISTS 'many'",
]


async def test_a_messy_server_is_clean_after_the_remediation_of_its_findings(
    runner: CheckRunner, server: Running
) -> None:
    with mysql_state(server, MESS, TIDY):
        assert set(await found(runner, server)) == set(CHECKS) - {
            *("mysql_role_login", "mysql_public_role_grants"),
            "mysql_proxy_grants",  # where no account proxies a grant has no effect
        }
        for _ in range(20):
            # One at a time: a remediation is written for the server as it was looked at.
            for findings in list((await found(runner, server)).values())[:1]:
                mend(server, Family.MYSQL, findings[0])
        assert objects(await found(runner, server)) == {}


@pytest.mark.parametrize(
    ("flavour", "versions"),
    [("mysql", [(9, 7, 4), (8, 0, 11), (5, 7, 44)]), ("mariadb", [(10, 11, 19), (10, 3, 39)])],
)
def test_older_servers_are_asked_for_the_same_rights_in_their_own_words(
    flavour: str, versions: list[tuple[int, ...]], request: pytest.FixtureRequest
) -> None:
    """The tables of today still have the columns of the older ones, so both can be compared."""
    server: Running = request.getfixturevalue(flavour)
    make = [
        "CREATE ROLE 'old_role'",
        f"CREATE USER 'old'@'%' {WITH} REQUIRE SSL",
        "GRANT FILE, SUPER, EVENT, TRIGGER, CREATE TABLESPACE ON *.* TO 'old'@'%'",
    ]
    answers: list[list[dict[str, Any]]] = []
    with mysql_state(server, make, ["DROP USER 'old'@'%'", "DROP ROLE 'old_role'"]):
        for version in versions:
            with rows_of(server) as ask:
                rows = ask(variant(flavour, *version).text)
            answers.append([_comparable(row) for row in rows])
    for answer in answers[1:]:
        assert answer == answers[0]


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in RECENT_COLUMNS}
    if row["is_role"]:
        kept.pop("plugin")
    # Above come DELETE HISTORY of MariaDB 10.3.4, the parts of its SUPER, and MySQL's roles.
    return kept | {"access": row["access"] % 2**29}


def static_privileges() -> list[str]:
    listed = re.search(r"^STATIC = (\[.*?\])", PART.script, re.DOTALL | re.MULTILINE)
    assert listed
    names: list[str] = ast.literal_eval(listed[1])
    return names


def held_by(server: Running, flavour: str, version: tuple[int, ...]) -> int:
    with rows_of(server) as ask:
        rows = ask(variant(flavour, *version).text)
    return next(int(row["access"]) for row in rows if row["user"] == "one")


def test_each_bit_is_the_privilege_that_mariadb_means(mariadb: Running) -> None:
    names = [name for name in static_privileges() if name != "SHOW CREATE ROUTINE"]  # from 11.3 on
    for place, name in enumerate(names):
        grant = "USAGE ON *.* TO 'one'@'h' WITH GRANT OPTION"
        if name != "GRANT OPTION":
            grant = f"{name} ON *.* TO 'one'@'h'"
        with mysql_state(
            mariadb, ["CREATE USER 'one'@'h'", f"GRANT {grant}"], ["DROP USER 'one'@'h'"]
        ):
            assert held_by(mariadb, "mariadb", (10, 11)) == 2**place, name


def test_each_bit_is_the_privilege_that_mysql_has_a_column_for(mysql: Running) -> None:
    names = static_privileges()
    names = names[: names.index("CREATE TABLESPACE") + 1]
    places = [*enumerate(names), (50, "CREATE ROLE"), (51, "DROP ROLE")]
    for place, name in places:
        grant = "USAGE ON *.* TO 'one'@'h' WITH GRANT OPTION"
        if name != "GRANT OPTION":
            grant = f"{name} ON *.* TO 'one'@'h'"
        with mysql_state(
            mysql, ["CREATE USER 'one'@'h'", f"GRANT {grant}"], ["DROP USER 'one'@'h'"]
        ):
            assert held_by(mysql, "mysql", (9, 7)) == 2**place, name


def test_every_part_of_super_is_a_privilege_of_one_of_the_servers(
    mariadb: Running, mysql: Running
) -> None:
    listed = re.search(r"^SUPER_PARTS = (\[.*?\])", PART.script, re.DOTALL | re.MULTILINE)
    assert listed
    known: set[str] = set()
    for server in (mariadb, mysql):
        with (
            as_root(server) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW PRIVILEGES")
            known |= {str(row[0]).upper() for row in cursor.fetchall()}
    # Gone or in editions that are not at hand: replaced by SET_ANY_DEFINER, plugins of Enterprise.
    absent = {"SET_USER_ID", "FIREWALL_ADMIN"}
    assert set(ast.literal_eval(listed[1])) - known <= absent


async def test_the_account_that_looks_is_recognised_when_its_host_is_a_pattern(
    runner: CheckRunner, server: Running
) -> None:
    """CURRENT_USER() has the account's host, where USER() has the client's."""
    make = [
        f"CREATE USER 'looks'@'127.0.0.%' {WITH}",
        "GRANT PROCESS, SELECT ON *.* TO 'looks'@'127.0.0.%'",
        f"CREATE USER 'other'@'127.0.0.%' {WITH}",
        "GRANT PROCESS, SELECT ON *.* TO 'other'@'127.0.0.%'",
    ]
    undo = ["DROP USER 'looks'@'127.0.0.%'", "DROP USER 'other'@'127.0.0.%'"]
    with mysql_state(server, make, undo):
        own = replace(encrypted(server), user="looks", password="Str0ng-enough")
        for check in ("mysql_process_privilege", "mysql_system_schema_grants"):
            assert list(await runner.objects(check, own)) == ["'other'@'127.0.0.%'"]
