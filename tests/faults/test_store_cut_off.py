"""A coordinator that reaches NATS and not the store: others take its work, or the lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.errors import UnreachableError
from tests.servers.listeners import listening
from tests.support.coordinator.coordination import at_work, status, until
from tests.support.processes.active_site import ActiveSite, active_site, own_server
from tests.support.processes.coordinators import BlackHole
from tests.support.processes.rivals import enabled

TTL_S = 4.0
TARGETS = 90  # in two runs: 180 jobs


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    with own_server(servers_folder, tmp_path) as running:
        yield running


async def degraded(site: ActiveSite) -> tuple[str, ...]:
    try:
        return (await status(site.bus)).degraded
    except (UnreachableError, TimeoutError):
        return ()


@pytest.mark.timeout(240)
async def test_what_it_holds_is_recorded_by_others_and_it_joins_again(
    tmp_path: Path, server: Running
) -> None:
    hole = BlackHole(server.port)
    hole.opened.set()
    async with (
        active_site(tmp_path, server, targets=TARGETS, ttl_s=TTL_S) as site,
        listening(hole.take) as hole.port,
    ):
        first, second = site.add("a"), site.add("b", port=hole.port)
        first.start()
        await site.made.logged(first, "coordinator_started")
        second.start()
        await site.made.logged(second, "epoch_joined")
        async with at_work(site.worker):
            await until(lambda: enabled(site.bus))
            await site.recorded(TARGETS // 3)
            begun = monotonic()
            hole.opened.clear()  # it has deliveries that it did not record
            left = await site.made.logged(second, "epoch_left")
            assert "the store is out of reach" in left["reason"]
            await site.recorded(TARGETS)
            print(f"everything recorded {monotonic() - begun:.1f} s after the store was cut off")
            assert await site.made.epoch() == 1
            named = f"coordinator b on {site.host}: "
            await until(lambda: _has(site, named))
            hole.opened.set()
            await site.joined_again(second)
            await site.run()
            await site.hold(runs=2)


async def _has(site: ActiveSite, start: str) -> bool:
    return any(one.startswith(start) for one in await degraded(site))


@pytest.mark.timeout(240)
async def test_a_leader_that_is_cut_off_hands_over(tmp_path: Path, server: Running) -> None:
    hole = BlackHole(server.port)
    hole.opened.set()
    async with (
        active_site(tmp_path, server, targets=TARGETS, ttl_s=TTL_S) as site,
        listening(hole.take) as hole.port,
    ):
        first, second = site.add("a", port=hole.port), site.add("b")
        first.start()
        await site.made.logged(first, "coordinator_started")
        second.start()
        await site.made.logged(second, "epoch_joined")
        async with at_work(site.worker):
            await until(lambda: enabled(site.bus))
            await site.recorded(TARGETS // 3)
            begun = monotonic()
            hole.opened.clear()
            await site.made.holds("b", above=1)
            print(f"handed over {monotonic() - begun:.1f} s after the store was cut off")
            lost = await site.made.logged(first, "lease_lost")
            assert "the store is out of reach" in lost["reason"]
            await site.recorded(TARGETS)
            hole.opened.set()
            await site.made.logged(first, "epoch_joined")
            await site.run()
            await site.hold(runs=2)
