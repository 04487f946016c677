"""What checks say that accounts may do, and what the server lets them do, in random states."""

from __future__ import annotations

import os

import pymysql
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_shared.telemetry import logs
from tests.support.checks.mysql_rights.rounds import compare, comparing
from tests.support.checks.mysql_rights.states import State, left_behind
from tests.support.checks.real import CheckRunner, endpoint, mysql_do, mysql_state

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`
STATES = MORE or 40  # of each server


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_checks_and_server_agree_what_each_account_of_a_random_state_may_do(
    name: str, request: pytest.FixtureRequest
) -> None:
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    server: Running = request.getfixturevalue(name)
    with comparing(server) as one:
        compare(one, STATES)
        print(f"{name}: {one.compared} states, {one.accounts} accounts, 0 disagreements")


ROWS_OF_LOCALHOST = {
    "127.0.0.1": True,
    "::1": True,
    "::_": True,
    r"127.0.0\.1": True,
    r"loc\alhos_": True,
    "127.0.0.1/255.255.255.0": False,
    "0.0.0.0/0.0.0.0": False,
    "::1/128": False,
    r"127.0.0.\%": False,
    "127.0.0.2": False,
}


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_a_row_left_behind_counts_for_localhost_where_its_host_means_an_address_of_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    with comparing(request.getfixturevalue(name)) as one:
        for host, counts in ROWS_OF_LOCALHOST.items():
            rows = left_behind("ann", host, "mysql")
            found = State(("'ann'@'localhost'",), ("CREATE USER ann@localhost", *rows))
            assert one.disagreements(found) == [], host
            gained = one.oracle.gains({"ann"}, [])["'ann'@'localhost'"]
            assert (gained >= {"reads", "writes"}) == counts, host


async def test_an_account_of_mariadb_without_a_way_in_is_no_finding(
    runner: CheckRunner, mariadb: Running
) -> None:
    """'invalid' is no hash; beside another method it does not shut the account.

    From elsewhere nobody comes in by a method of the socket.
    """
    shut, local, open_ = "'shut'@'%'", "'local'@'%'", "'open'@'%'"
    another = "mysql_native_password USING PASSWORD('An0ther-one')"
    methods = {
        shut: "mysql_native_password USING 'invalid'",
        local: "mysql_native_password USING 'invalid' OR unix_socket",
        open_: f"mysql_native_password USING 'invalid' OR {another}",
    }
    make = [f"CREATE USER {account} IDENTIFIED VIA {how}" for account, how in methods.items()]
    with mysql_state(mariadb, make, [f"DROP USER {shut}, {local}, {open_}"]):
        where = endpoint(mariadb, Family.MYSQL)
        for check in ("mysql_wildcard_host", "mysql_user_tls_required"):
            objects = await runner.objects(check, where)
            assert [one in objects for one in methods] == [False, False, True], check


def test_mysql_proxies_only_where_it_is_on(mysql: Running) -> None:
    make = ["CREATE USER 'px'@'127.%'", "GRANT PROXY ON root@localhost TO 'px'@'127.%'"]
    names = [f"{one}proxy_users" for one in ("check_", "caching_sha2_password_")]
    off = [f"SET GLOBAL {name} = OFF" for name in names]
    with mysql_state(mysql, make, ["DROP USER 'px'@'127.%'", *off]):
        assert current_user(mysql, "px") == "px@127.%"
        mysql_do(mysql, [f"SET GLOBAL {name} = ON" for name in names])
        assert current_user(mysql, "px") == "root@localhost"


def current_user(server: Running, user: str) -> str:
    with (
        pymysql.connect(
            host=server.host, port=server.port, user=user, password="", ssl_disabled=True
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT CURRENT_USER()")
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])
