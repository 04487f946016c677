"""Which clients the host of an account means, and which account the server takes for a client."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from ipaddress import ip_address
from itertools import pairwise

import pymysql
import pytest
import pytest_asyncio

from stt_coordinator.local.servers.process import Running
from stt_worker.sandbox.port import Sandbox
from stt_worker.sandbox.starlark import StarlarkSandbox
from tests.support.checks.mysql_rights.hosts import asked
from tests.support.checks.mysql_rights.patterns import (
    ADDRESSES,
    Client,
    clients,
    is_client,
    is_private,
    matches,
    patterns,
)
from tests.support.checks.real import mysql_state

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEED = 20261130
PATTERNS, CLIENTS, MANY = 250, 40, 20_000
TRIED = 40  # hosts of accounts on each server
SOURCES = ("127.0.0.10", "127.1.2.3", "127.200.30.4")
REACHES = ("nobody", "server", "private", "public", "everybody")
DENIED = {1045, 1130}
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


@pytest.mark.parametrize("classic", [True, False])
async def test_where_the_clients_of_a_host_are_agrees_with_every_client_that_it_means(
    sandbox: Sandbox, *, classic: bool
) -> None:
    chance = random.Random(SEED)  # noqa: S311  # the same hosts each time
    hosts = [*patterns(chance, PATTERNS, ADDRESSES), "%", "%.%", "_%", "%_._%", "%.5", "1%", "2%"]
    found = await asked(sandbox, f"reach_of(one, 'db1', False, {classic})[0]", hosts)
    reached: dict[str, int] = {}
    for host, where in zip(hosts, found, strict=True):
        for one in clients(chance, host, CLIENTS):
            met = matches(host, one, classic=classic)
            assert met or where != "everybody" or one.version == 6, (host, one)
            if met and is_client(one):
                wanted = "server" if one.is_loopback else "private" if is_private(one) else "public"
                assert REACHES.index(where) >= REACHES.index(wanted), (host, where, one)
                reached[host] = max(reached.get(host, 0), REACHES.index(wanted))
    high = {host for host, where in zip(hosts, found, strict=True) if where == "public"}
    unseen = {host for host in high if reached.get(host) != REACHES.index("public")}
    for host in unseen:  # clients that are rarely hit
        rare = (one for one in clients(chance, host, MANY) if matches(host, one, classic=classic))
        assert any(map(_is_public, rare)), host


def _is_public(one: Client) -> bool:
    return is_client(one) and not one.is_loopback and not is_private(one)


NAMED = {
    "db%": "public",  # who owns a name chooses its address
    "%": "everybody",
    "%.com": "public",
    "%example.com": "public",
    "%.example.com": "private",
    "%.internal": "private",
    "app.example.com": "private",
    "local%": "public",
    "127.%": "server",
    "10.%": "private",
    "localhost": "server",
    "db1": "server",
    "1.example": "nobody",  # no name that begins like an address is looked up
    "0.0.0.0/0.0.0.0": "nobody",
    "10.0.0.1/255.0.0.0": "nobody",
    "::ffff:8.8.8.8": "nobody",
    "0:0:0:0:0:0:0:1": "nobody",
}
WITHOUT_NAMES = {"db%": "nobody", "app.example.com": "nobody", "%.com": "nobody", "db1": "nobody"}


async def test_names_count_where_the_server_looks_them_up(sandbox: Sandbox) -> None:
    by_name = await asked(sandbox, "reach_of(one, 'db1', True, True)[0]", list(NAMED))
    assert dict(zip(NAMED, by_name, strict=True)) == NAMED
    without = await asked(sandbox, "reach_of(one, 'db1', False, True)[0]", list(WITHOUT_NAMES))
    assert dict(zip(WITHOUT_NAMES, without, strict=True)) == WITHOUT_NAMES


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
async def test_the_server_lets_in_from_the_addresses_that_the_matcher_says(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Of random hosts of loopback; the matcher is what the test above compares with."""
    server: Running = request.getfixturevalue(name)
    chance = random.Random(SEED)  # noqa: S311  # the same hosts each time
    hosts = sorted(set(patterns(chance, TRIED, SOURCES)))
    accounts = [f"'h{number}'@'{host}'" for number, host in enumerate(hosts)]
    made = ["CREATE USER 'witness'@'%'", f"CREATE USER {', '.join(accounts)}"]
    let_in = 0
    with mysql_state(server, made, [f"DROP USER 'witness'@'%', {', '.join(accounts)}"]):
        for number, host in enumerate(hosts):
            for source in SOURCES:
                wanted = matches(host, ip_address(source), classic=name == "mariadb")
                assert _admits(server, f"h{number}", source) == wanted, (host, source)
                let_in += wanted
    assert 20 < let_in < len(hosts) * len(SOURCES)


def _admits(server: Running, user: str, source: str) -> bool:
    try:
        pymysql.connect(
            host=server.host,
            port=server.port,
            user=user,
            password="",
            bind_address=source,
            ssl_disabled=True,
        ).close()
    except pymysql.err.OperationalError as error:
        if error.args[0] not in DENIED:
            raise
        return False
    return True
