"""Every implementation of the ports of database and bus, in memory and on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.bus.memory import MemoryBroker
from tests.servers.fixtures import serving
from tests.support.shared.buses import AnyBus
from tests.support.worker.database_subjects import (
    Subject,
    memory_subject,
    mongodb_subject,
    mysql_subject,
    postgresql_subject,
)
from tests.support.worker.driver_harness import DriverHarness, harness_of

SQL = ("mariadb", "mysql", "postgresql", "postgresql15")


REAL = (*SQL, "mongodb60_auth", "mongodb44_auth", "mongodb42_auth")


VERSIONS = {
    "mariadb": ("mariadb", (10, 11)),
    "mysql": ("mysql", (9, 7)),
    "postgresql": ("postgresql", (18,)),
    "postgresql15": ("postgresql", (15,)),
    "mongodb60_auth": ("mongodb", (6, 0)),
    "mongodb44_auth": ("mongodb", (4, 4)),
    "mongodb42_auth": ("mongodb", (4, 2)),
}


def with_auth(servers_folder: Path, name: str) -> Iterator[Running]:
    def start() -> Running:
        folder = servers_folder / f"{name}-auth"
        return embedded_mongodb.start(folder, binary=embedded_mongodb.find(name), extra=["--auth"])

    with serving(name, start) as running:
        yield running


@pytest.fixture(scope="session")
def mongodb60_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-6.0")


@pytest.fixture(scope="session")
def mongodb44_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-4.4")


@pytest.fixture(scope="session")
def mongodb42_auth(servers_folder: Path) -> Iterator[Running]:
    yield from with_auth(servers_folder, "mongodb-4.2")


@pytest.fixture(scope="session")
def lasting() -> dict[str, Subject]:
    """Those of MongoDB: a server of theirs gets its first account once."""
    return {}


@pytest.fixture(scope="module")
def subject_of(
    request: pytest.FixtureRequest, lasting: dict[str, Subject]
) -> Iterator[Callable[[str], Subject]]:
    passing: dict[str, Subject] = {}

    def subject(name: str) -> Subject:
        made = lasting if name.startswith("mongodb") else passing
        if name not in made:
            made[name] = make(name)
        return made[name]

    def make(name: str) -> Subject:
        if name == "memory":
            return memory_subject()
        server: Running = request.getfixturevalue(name)
        flavour, version = VERSIONS[name]
        if flavour == "postgresql":
            return postgresql_subject(server, version)
        if flavour == "mongodb":
            return mongodb_subject(server, version)
        return mysql_subject(server, flavour, version)

    yield subject
    for one in passing.values():
        one.remove()


@pytest.fixture(params=("memory", *REAL))
async def harness(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[DriverHarness]:
    async for one in harness_of(subject_of(request.param)):
        yield one


@pytest.fixture(params=REAL)
async def real(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[DriverHarness]:
    async for one in harness_of(subject_of(request.param)):
        yield one


@pytest.fixture(params=("memory", *SQL))
async def sql(
    request: pytest.FixtureRequest, subject_of: Callable[[str], Subject]
) -> AsyncIterator[DriverHarness]:
    """No read-only command of MongoDB takes long."""
    async for one in harness_of(subject_of(request.param)):
        yield one


@pytest.fixture(params=["memory", "jetstream"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[AnyBus]:
    if request.param == "memory":
        yield MemoryBroker().connect()
        return
    server: Running = request.getfixturevalue("nats_server")
    connected = await connect(NatsOptions(servers=(server.url,)))
    yield connected
    await connected.close()
