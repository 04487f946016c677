"""Hostile servers of every kind beside twenty healthy targets cost those nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family, Kind
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret
from tests.hostile.fleet import slow_names
from tests.hostile.fleet.hostile_site import LIMITS, MIB, Peak, Site, names, site
from tests.support.holdings import descendants, holdings, leftovers
from tests.support.worker.database_subjects import endpoint_of

GROWTH_BYTES = 128 * MIB


ENDED = {Kind.UNREACHABLE, Kind.TIMEOUT, Kind.TOO_LARGE, Kind.CONFIG, Kind.AUTH}


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
