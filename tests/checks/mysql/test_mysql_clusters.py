"""Links between the nodes of a cluster, on a node of Galera and with Group Replication's plugin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mysql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.real import CheckRunner, endpoint, mysql_state

CHECK = "mysql_replication_tls"
GROUP = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
PLUGIN = "group_replication"


def node_of_galera(folder: Path, options: str) -> Running:
    """A cluster of one node, whose other nodes would come to loopback alone."""
    found = embedded.find_mariadb()
    provider = next(found.base.rglob("libgalera_smm.so"))
    listen = f"gmcast.listen_addr=tcp://127.0.0.1:0;{options}"
    extra = [
        "--wsrep-on=ON",
        f"--wsrep-provider={provider}",
        "--wsrep-cluster-address=gcomm://",
        f"--wsrep-provider-options={listen}",
        "--binlog-format=ROW",
    ]
    return embedded.start(found, folder, password=PASSWORD, extra=extra)


@pytest.fixture(params=["in-clear", "encrypted"])
def node(
    request: pytest.FixtureRequest, servers_folder: Path, certificates: Certificates
) -> Iterator[tuple[Running, str]]:
    tls = (
        f"socket.ssl=yes;socket.ssl_ca={certificates.ca};"
        f"socket.ssl_cert={certificates.cert};socket.ssl_key={certificates.key}"
    )
    options = tls if request.param == "encrypted" else ""
    folder = servers_folder / f"galera-{request.param}"
    running = server_or_reason("Galera", lambda: node_of_galera(folder, options))
    yield running, request.param
    running.stop()


async def test_nodes_of_galera_that_write_in_clear_are_found(
    node: tuple[Running, str], runner: CheckRunner
) -> None:
    running, links = node
    found = await runner.objects(CHECK, endpoint(running, Family.MYSQL))
    assert found == ({"socket.ssl": "major"} if links == "in-clear" else {})


async def test_members_of_a_group_that_write_in_clear_are_found(
    mysql: Running, runner: CheckRunner
) -> None:
    where = endpoint(mysql, Family.MYSQL)
    make = [
        f"INSTALL PLUGIN {PLUGIN} SONAME '{PLUGIN}.so'",
        f"SET GLOBAL {PLUGIN}_group_name = '{GROUP}'",
    ]
    with mysql_state(mysql, make, [f"UNINSTALL PLUGIN {PLUGIN}"]):
        assert await runner.objects(CHECK, where) == {}
        with mysql_state(mysql, [f"SET GLOBAL {PLUGIN}_ssl_mode = 'DISABLED'"], []):
            assert await runner.objects(CHECK, where) == {f"{PLUGIN}_ssl_mode": "major"}
