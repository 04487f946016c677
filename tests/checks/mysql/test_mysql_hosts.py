"""Which clients the host of an account means, and which account the server takes for a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pymysql
import pytest
import pytest_asyncio

from stt_coordinator.local.servers.process import Running
from stt_worker.sandbox.port import Sandbox
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.mysql_rights.hosts import asked
from tests.support.checks.real import mysql_state

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENT = "127.0.0.10"
# All mean the client, but the last, which makes the server admit it whatever the others are.
HOSTS = {
    "mysql": (
        *("127.0.0.10", "127.0.0.1%", "127.0.0.10/32", "127.0.0.8/30", "127.0.0.0/24"),
        *("127.0.0.0/8", "127.0.0.8/255.255.255.252", "127.0.0.0/255.255.255.0"),
        *("127.0.0.0/255.0.0.0", r"127.0.0\.10", "127.0.0.%", "127.%", "%.10", "%"),
    ),
    "mariadb": (
        *("127.0.0.10/255.255.255.255", "_27.0.0.10", "127.0.0._0", "127.0.0.1_"),
        *("127.0.0.1%", "127.0.0.%", "127.%", "%.10", "%"),
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    one = StarlarkSandbox(1)
    yield one
    await one.close()


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
async def test_of_two_hosts_that_mean_a_client_the_server_takes_the_one_with_the_higher_place(
    name: str, request: pytest.FixtureRequest, sandbox: Sandbox
) -> None:
    server: Running = request.getfixturevalue(name)
    hosts = HOSTS[name]
    places = await asked(sandbox, f"host_place(one, {name == 'mariadb'}, False)", hosts)
    assert sorted(places, reverse=True) == places  # as they stand above
    with mysql_state(server, ["CREATE USER 'witness'@'%'"], ["DROP USER 'witness'@'%'"]):
        for first, second in pairwise(hosts):
            accounts = [f"'two'@'{_written(host)}'" for host in (second, first)]
            made = [f"CREATE USER {account}" for account in accounts]
            with mysql_state(server, made, [f"DROP USER {', '.join(accounts)}"]):
                assert _taken(server) == first, second


def _written(host: str) -> str:
    return host.replace("\\", "\\\\")


def _taken(server: Running) -> str:
    """The host of the account that the server takes for the client."""
    with (
        pymysql.connect(
            host=server.host,
            port=server.port,
            user="two",
            password="",
            bind_address=CLIENT,
            ssl_disabled=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT CURRENT_USER()")
        row = cursor.fetchone()
    assert row is not None
    return str(row[0]).removeprefix("two@")
