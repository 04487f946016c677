"""The account checks say what a stranger at the door finds: each kind of account is tried."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pymysql
import pytest

from stt_coordinator.local.servers import mysql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.servers.fixtures import server_or_reason
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    mysql_do,
    mysql_state,
)
from tests.support.checks.scenario import mend

EMPTY, ANONYMOUS = "mysql_empty_password", "mysql_anonymous_users"
LIBRARIES = {
    "ed25519": "auth_ed25519",
    "auth_socket": "auth_socket.so",
    "mysql_no_login": "mysql_no_login.so",
}
EXPIRED_PASSWORDS = 1 << 22  # what a client says that can set a new one
# What an error of the log-in says of it; PyMySQL gives up at the server's second question.
ANSWERS: dict[int | str, bool | None] = {
    1045: False,
    1698: False,
    3118: False,
    4151: False,
    1820: True,  # in, and has to choose a password
    "received multiple auth switch requests": None,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """How an account is made after CREATE USER and its name, and whether it lets strangers in."""

    how: str
    opens: bool
    plugins: tuple[str, ...] = ()
    then: str = ""


MYSQL = {
    "no password": Kind("", opens=True),
    "empty password": Kind("IDENTIFIED BY ''", opens=True),
    "empty and expired": Kind("PASSWORD EXPIRE", opens=True),
    "password": Kind("IDENTIFIED BY 'Str0ng-enough'", opens=False),
    "sha256": Kind("IDENTIFIED WITH sha256_password", opens=True),
    "locked": Kind("ACCOUNT LOCK", opens=False),
    "no log-in": Kind("IDENTIFIED WITH mysql_no_login", opens=False, plugins=("mysql_no_login",)),
    "socket": Kind("IDENTIFIED WITH auth_socket", opens=False, plugins=("auth_socket",)),
    "second factor": Kind(
        "IDENTIFIED BY '' AND IDENTIFIED WITH auth_socket", opens=False, plugins=("auth_socket",)
    ),
}
MARIADB = {
    "no password": Kind("", opens=True),
    "empty and expired": Kind("PASSWORD EXPIRE", opens=True),
    "password": Kind("IDENTIFIED BY 'Str0ng-enough'", opens=False),
    "locked": Kind("ACCOUNT LOCK", opens=False),
    "socket": Kind("IDENTIFIED VIA unix_socket", opens=False),
    "as root is made": Kind(
        "IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket", opens=False
    ),
    "native or socket": Kind(
        "IDENTIFIED VIA mysql_native_password USING '' OR unix_socket", opens=True
    ),
    "socket or native": Kind(
        "IDENTIFIED VIA unix_socket OR mysql_native_password USING ''", opens=True
    ),
    "empty ed25519": Kind("IDENTIFIED VIA ed25519", opens=False, plugins=("ed25519",)),
    "ed25519 or native": Kind(
        "IDENTIFIED VIA ed25519 USING PASSWORD('x') OR mysql_native_password USING ''",
        opens=True,
        plugins=("ed25519",),
    ),
}
KINDS = [("mysql", name) for name in MYSQL] + [("mariadb", name) for name in MARIADB]


@contextmanager
def plugin(server: Running, name: str) -> Iterator[None]:
    """The plugin `name`, installed for the length of a test unless it is there anyway."""
    maria = server.name == "mariadb"
    text = f"INSTALL PLUGIN {name} SONAME '{LIBRARIES[name]}'"
    already = 1125 if not maria else 1968
    try:
        mysql_do(server, [text])
    except pymysql.err.MySQLError as error:
        if error.args[0] != already:
            raise
        yield
        return
    try:
        yield
    finally:
        mysql_do(server, [f"UNINSTALL PLUGIN {name}"])


def gets_in(server: Running, user: str) -> bool | None:
    """Whether somebody without a password gets in as `user`, if need be by setting a new one.

    None where our driver gives up before the server does.
    """
    try:
        connection = pymysql.connect(
            host=server.host,
            port=server.port,
            user=user,
            password="",
            client_flag=EXPIRED_PASSWORDS,
        )
    except pymysql.err.OperationalError as error:
        return ANSWERS[error.args[0]]
    connection.close()
    return True


def answers(path: str) -> None:
    """Return if the server greets on its socket; raises OSError if not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(path)
        if not connection.recv(5):
            raise ConnectionError("no greeting")


@pytest.mark.parametrize(("family", "name"), KINDS)
async def test_the_verdict_matches_what_an_outside_client_can_do(
    runner: CheckRunner, request: pytest.FixtureRequest, family: str, name: str
) -> None:
    server: Running = request.getfixturevalue(family)
    kind = (MYSQL if family == "mysql" else MARIADB)[name]
    with ExitStack() as stack:
        for needed in kind.plugins:
            stack.enter_context(plugin(server, needed))
        make = [f"CREATE USER 'door'@'%' {kind.how}"]
        stack.enter_context(mysql_state(server, make, ["DROP USER 'door'@'%'"]))
        assert gets_in(server, "door") in (kind.opens, None)
        found = await runner.objects(EMPTY, endpoint(server, Family.MYSQL))
        assert ("'door'@'%'" in found) is kind.opens


@pytest.mark.parametrize("family", ["mysql", "mariadb"])
async def test_through_an_anonymous_account_a_stranger_gets_in_under_any_name(
    runner: CheckRunner, request: pytest.FixtureRequest, family: str
) -> None:
    server: Running = request.getfixturevalue(family)
    account = f"''@'{server.host}'"
    # By TCP it would be taken for root too, whose host is less specific.
    where = replace(endpoint(server, Family.MYSQL), socket=server.socket)
    with mysql_state(server, [f"CREATE USER {account}"], [f"DROP USER IF EXISTS {account}"]):
        outcome = await runner.run(ANONYMOUS, where)
        (finding,) = [one for one in outcome.findings if one.object == account]
        assert finding.severity == "critical"
        assert gets_in(server, "nosuch")
        mend(server, Family.MYSQL, finding)
        assert not gets_in(server, "nosuch")
        assert account not in await runner.objects(ANONYMOUS, where)


@pytest.mark.parametrize("check", [EMPTY, ANONYMOUS])
@pytest.mark.parametrize("family", ["mysql", "mariadb"])
async def test_without_grant_tables_the_accounts_are_not_evaluated(
    runner: CheckRunner, servers_folder: Path, family: str, check: str
) -> None:
    find = embedded.find_mysql if family == "mysql" else embedded.find_mariadb

    def start() -> Running:
        return embedded.start(find(), servers_folder / f"open-{family}-{check}")

    server = server_or_reason(family, start)
    try:
        # MySQL then listens on its socket alone.
        server.command = [*server.command, "--skip-grant-tables"]
        server.ready = lambda: answers(server.socket)
        server.restart()
        by_socket = replace(endpoint(server, Family.MYSQL), socket=server.socket)
        outcome = await runner.run(check, by_socket)
    finally:
        server.stop()
    assert (outcome.outcome, outcome.kind) == ("skipped", "undecided")
    assert "--skip-grant-tables" in outcome.reason


@pytest.mark.parametrize("family", ["mysql", "mariadb"])
async def test_a_backslash_is_written_as_the_servers_mode_reads_it(
    runner: CheckRunner, request: pytest.FixtureRequest, family: str
) -> None:
    server: Running = request.getfixturevalue(family)
    # MariaDB puts a mode of its own before the others: no replacing of text takes it out again.
    mode = "SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',NO_BACKSLASH_ESCAPES')"
    back = "SET GLOBAL sql_mode = DEFAULT"
    make = [r"CREATE USER 'back\\slash'@'%'", mode]
    with mysql_state(server, make, [back, r"DROP USER 'back\slash'@'%'"]):
        outcome = await runner.run(EMPTY, endpoint(server, Family.MYSQL))
        (finding,) = [f for f in outcome.findings if "slash" in str(f.object)]
        assert finding.object == r"'back\slash'@'%'"
        mend(server, Family.MYSQL, finding)
        found = await runner.objects(EMPTY, endpoint(server, Family.MYSQL))
        assert finding.object not in found
