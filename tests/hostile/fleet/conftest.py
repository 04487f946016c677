"""What the tests of a hostile fleet ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret
from tests.hostile.fleet import slow_names
from tests.hostile.fleet.hostile_site import target, with_pass_phrase
from tests.hostile.fleet.peers import Peers, hostile_peers
from tests.servers.certificates import Certificates
from tests.support.worker.database_subjects import endpoint_of

HEALTHY = 20


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with hostile_peers() as found:
        yield found


@pytest.fixture
def healthy(
    postgresql: Running, postgresql15: Running, mariadb: Running, mongodb: Running
) -> list[Target]:
    """Twenty targets on real servers, which the whole library is for."""
    servers = [
        (Family.POSTGRESQL, postgresql),
        (Family.MYSQL, mariadb),
        (Family.MONGODB, mongodb),
        (Family.POSTGRESQL, postgresql15),
    ]
    found: list[Target] = []
    for number in range(HEALTHY):
        family, server = servers[number % len(servers)]
        endpoint = endpoint_of(server, family)
        secret = Secret("", endpoint.password)
        found.append(Target(id=f"healthy-{number}", endpoint=endpoint, secret=secret))
    return found


@pytest.fixture
def hostile(peers: Peers, certificates: Certificates, tmp_path: Path) -> list[Target]:
    """A target of every hostile kind."""
    found = [target(f"{family}", family, port) for family, port in peers.values()]
    found += [target("slow-name", one, 9, host=f"db{slow_names.SLOW}") for one in Family]
    found += [with_pass_phrase(one, certificates, tmp_path) for one in Family]
    found += [target("hanging-secret", Family.MYSQL, 9, secret="exec:/bin/sleep 600")]
    return [replace(one, id=f"hostile-{number}-{one.id}") for number, one in enumerate(found)]
