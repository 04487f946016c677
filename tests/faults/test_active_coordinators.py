"""Coordinators on one PostgreSQL: each takes in results, and any of them may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from tests.support.coordinator.coordination import at_work, until
from tests.support.processes.active_site import active_site, own_server
from tests.support.processes.rivals import enabled

TTL_S = 4.0
TARGETS = 300  # in two runs: 600 jobs


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    with own_server(servers_folder, tmp_path) as running:
        yield running


@pytest.mark.timeout(240)
async def test_kills_of_the_leader_and_of_another_lose_and_double_nothing(
    tmp_path: Path, server: Running
) -> None:
    async with active_site(tmp_path, server, targets=TARGETS, ttl_s=TTL_S) as site:
        processes = first, second = site.add("a"), site.add("b")
        first.start()
        await site.made.logged(first, "coordinator_started")
        second.start()
        await site.made.logged(second, "epoch_joined")
        async with at_work(site.worker):
            await until(lambda: enabled(site.bus))
            await site.recorded(TARGETS // 3)
            second.kill()  # it has deliveries that it did not record
            await site.recorded(TARGETS * 2 // 3)
            second.start()
            await site.run()
            await site.recorded(TARGETS * 4 // 3)
            epoch, begun = await site.made.epoch(), monotonic()
            (await site.leader(processes)).kill()
            at_once = site.number("SELECT count(*) FROM results")
            await site.recorded(min(at_once + 1, 2 * TARGETS))
            print(f"leader killed: results recorded again after {monotonic() - begun:.1f} s")
            await site.made.holds("b", above=epoch)
            print(f"leader killed: another one leads after {monotonic() - begun:.1f} s")
            first.start()
            await site.hold(runs=2)
