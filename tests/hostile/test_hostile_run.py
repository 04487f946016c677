"""Hostile servers of every kind beside twenty healthy targets cost those nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret
from tests.hostile import slow_names
from tests.hostile.hostile_site import LIMITS, MIB, Peak, Site, site
from tests.hostile.peers import Peers, hostile_peers
from tests.servers.certificates import Certificates
from tests.support.holdings import descendants, holdings, leftovers
from tests.support.worker.database_subjects import endpoint_of

HEALTHY = 20
GROWTH_BYTES = 128 * MIB
ENDED = {Kind.UNREACHABLE, Kind.TIMEOUT, Kind.TOO_LARGE, Kind.CONFIG, Kind.AUTH}


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


def target(
    name: str, family: Family, port: int, *, host: str = "127.0.0.1", secret: str = ""
) -> Target:
    endpoint = Endpoint(family=family, host=host, port=port, user="stt", tls=Tls(mode="off"))
    scheme, _, rest = secret.partition(":")
    return Target(id=name, endpoint=endpoint, secret=Secret(scheme, rest or "p"))


def with_pass_phrase(family: Family, certificates: Certificates, folder: Path) -> Target:
    made = encrypted(certificates.client_key, folder / f"{family}.key")
    tls = Tls(cert=str(certificates.client_cert), key=str(made), ca=str(certificates.ca))
    found = target("pass-phrase", family, 9, host="localhost")
    return replace(found, endpoint=replace(found.endpoint, tls=tls))


def encrypted(key: Path, into: Path) -> Path:
    """The private key `key` with a pass phrase."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    lock = serialization.BestAvailableEncryption(b"a pass phrase")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    into.write_bytes(loaded.private_bytes(*form, lock))
    return into


def names(targets: list[Target]) -> list[str]:
    return [one.id for one in targets]


async def test_hostile_servers_of_every_kind_cost_healthy_targets_nothing(
    healthy: list[Target], hostile: list[Target]
) -> None:
    others = descendants(os.getpid())  # the servers
    before = holdings()
    async with site([*healthy, *hostile]) as worker:
        await worker.timed(names(healthy))
        alone = min([await worker.timed(names(healthy)) for _ in range(2)])
        with Peak(others) as peak:
            beside = await worker.timed(names(healthy), names(hostile))
        again = await worker.timed(names(healthy), names(hostile))
        print(f"alone {alone:.2f} s, beside {beside:.2f} s, again {again:.2f} s")
        print(f"memory {peak.before // MIB} MiB, at most {peak.bytes // MIB} MiB")
        for one in hostile:
            check_ended(worker, one)
    assert peak.bytes - peak.before <= GROWTH_BYTES
    # Nobody waited for the time-out of a hostile server; `make hostile` measures more closely.
    assert min(beside, again) < alone + LIMITS.connect_s
    assert descendants(os.getpid(), others) == []
    assert await leftovers(before) == []


def check_ended(worker: Site, hostile: Target) -> None:
    (result, *_) = (one for one in worker.results.values() if one.target == hostile.id)
    found = result.outcomes[0]
    print(f"{hostile.id}: {found.kind}: {found.reason}")
    assert found.kind in ENDED, found
    if "pass-phrase" in hostile.id:
        assert found.kind is Kind.CONFIG, found


@pytest.mark.parametrize("family", list(Family))
async def test_a_dead_first_address_costs_the_second_nothing(
    family: Family, request: pytest.FixtureRequest
) -> None:
    fixture = {Family.POSTGRESQL: "postgresql", Family.MYSQL: "mariadb", Family.MONGODB: "mongodb"}
    server: Running = request.getfixturevalue(fixture[family])
    endpoint = endpoint_of(server, family)
    found = Target(
        id="two",
        endpoint=replace(endpoint, host=slow_names.TWO, password=""),
        secret=Secret("", endpoint.password),
    )
    with swallowing(server.port):
        async with site([found]) as worker:
            await worker.timed(["two"])
            assert await worker.timed(["two"]) < LIMITS.connect_s / 2


@contextmanager
def swallowing(port: int) -> Iterator[None]:
    """An address that answers no attempt to connect: its queue is full and stays so."""
    with socket.socket() as full:
        full.bind((slow_names.SWALLOWING, port))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((slow_names.SWALLOWING, port))
        yield
        for one in waiting:
            one.close()
