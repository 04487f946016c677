"""Two coordinator processes on one PostgreSQL answer as one, whichever of them is asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from stt_coordinator.local.servers.process import HOST, Running, free_port
from tests.support.coordinator.coordination import at_work, until
from tests.support.processes.active_site import ActiveSite, active_site, own_server
from tests.support.shared.packs import check_text

TTL_S = 6.0
TARGETS = 3
REASON = {"reason": "r"}
CHECKS = "SELECT check_name, enabled FROM checks ORDER BY check_name"
OFF = ("mysql_bind_address", "mysql_empty_password", "mysql_local_infile", "mysql_version")


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    with own_server(servers_folder, tmp_path) as running:
        yield running


def other_checks(folder: Path) -> str:
    """A folder with one check, which no other coordinator has."""
    check = folder / "pack" / "postgresql" / "pg_one"
    check.mkdir(parents=True)
    (check / "check.yaml").write_bytes(check_text())
    return str(folder / "pack")


async def get(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    answer = await client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


async def finished(client: httpx.AsyncClient, run_id: str) -> None:
    async def is_over() -> bool:
        (found,) = (await get(client, f"runs/{run_id}"))["runs"]
        return (found["state"], found["done"]) == ("finished", TARGETS)

    await until(is_over)


@pytest.mark.timeout(180)
async def test_checks_switches_and_status_are_those_of_the_installation(
    tmp_path: Path, server: Running
) -> None:
    ports = [free_port(), free_port()]
    listen = [f"{HOST}:{port}" for port in ports]
    async with (
        active_site(tmp_path, server, targets=TARGETS, ttl_s=TTL_S) as site,
        httpx.AsyncClient(base_url=f"http://{listen[0]}", timeout=30) as a,
        httpx.AsyncClient(base_url=f"http://{listen[1]}", timeout=30) as b,
    ):
        leader = site.add("a", STT_WEB_LISTEN=listen[0])
        leader.start()
        await site.made.logged(leader, "page_started")
        source = other_checks(tmp_path)
        other = site.add("b", STT_WEB_LISTEN=listen[1], STT_PACK_SOURCE=source)
        other.start()
        await site.made.logged(other, "epoch_joined")

        async def is_ready() -> bool:  # its page was that of a standby before
            with suppress(httpx.TransportError):
                return (await b.get("/readyz")).status_code == 200
            return False

        await until(is_ready)
        known = site.rows(CHECKS)
        async with at_work(site.worker):
            await until(lambda: site.number("SELECT count(*) FROM targets") == TARGETS)
            await _next_request_sees_it(a, b)
            made = await post(b, "enable", **REASON)
            await finished(a, made["run_id"])
            jobs = {len(job.checks) for job in site.worker.jobs}
            run = await post(b, "runs")
            await finished(a, run["run"]["run_id"])
            # The other coordinator has one check, of another family: nothing was planned by it.
            assert {len(job.checks) for job in site.worker.jobs} == jobs != {0}
            assert site.rows(CHECKS) == known
            assert await get(b, "checks") == await get(a, "checks")
            await _switched_at_both(site, a, b)
        await _differences_are_named(site, a, b)


async def _next_request_sees_it(a: httpx.AsyncClient, b: httpx.AsyncClient) -> None:
    for changed, asked in ((a, b), (b, a)) * 3:
        await post(changed, "enable", **REASON)
        assert (await get(asked, "status"))["state"]["enabled"]
        await post(changed, "disable", **REASON)
        assert not (await get(asked, "status"))["state"]["enabled"]


async def _switched_at_both(site: ActiveSite, a: httpx.AsyncClient, b: httpx.AsyncClient) -> None:
    """Of checks that are switched at both at the same time none is lost."""
    for way, enabled in (("disable", False), ("enable", True)) * 3:
        await asyncio.gather(
            *(
                post((a, b)[place % 2], f"checks/{name}/{way}", **REASON)
                for place, name in enumerate(OFF)
            )
        )
        found = [row for row in site.rows(CHECKS) if row[0] in OFF]
        assert found == [(name, enabled) for name in OFF]


async def _differences_are_named(
    site: ActiveSite, a: httpx.AsyncClient, b: httpx.AsyncClient
) -> None:
    """Other checks, and a second coordinator of the same name, stand in the status of both."""
    twin = site.add("c", STT_COORDINATOR_NAME="b", STT_WEB_LISTEN="")
    twin.start()
    await site.made.logged(twin, "epoch_joined")
    wanted = (
        f"coordinator b on {socket.gethostname()}: its checks are others than those of the leader",
        "several coordinators have the name b",
    )
    for client in (a, b):

        async def are_named(client: httpx.AsyncClient = client) -> bool:
            found = (await get(client, "status"))["degraded"]
            return all(any(one.startswith(start) for one in found) for start in wanted)

        await site.made.until(are_named, f"{wanted} in the status")
