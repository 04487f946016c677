"""On three nodes of NATS: how long nobody acts after the holder, or its node, is gone.

One round each with every change; `make chaos` does five and prints the medians.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stt_shared.clock import monotonic
from tests.support.processes.cluster import Cluster, clustered
from tests.support.processes.coordinators import (
    LIMIT_S,
    Coordinators,
    connected,
    coordinators,
    logged,
    pause,
    resume,
)
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.process import Process
from tests.support.processes.rivals import busy, two_machines
from tests.support.processes.sockets import connected_port

TTL_S = 6.0
ROUNDS = int(os.environ.get("STT_TEST_ROUNDS", "1"))

# What happens to the holder; returns the seconds until the lease was taken over or renewed.
Fault = Callable[[Coordinators, Cluster], Awaitable[float]]


async def holder(made: Coordinators) -> tuple[Process, Process, int]:
    """The process that holds the lease, the other one, and the epoch."""
    found = await made.record()
    assert found is not None
    first, second = made.processes
    if found.name == second.environment["STT_COORDINATOR_NAME"]:
        first, second = second, first
    return first, second, found.epoch


async def taken_over(made: Coordinators, successor: Process, above: int, begun: float) -> float:
    """Wait until `successor` acts; returns how long it was after `begun` that it held the lease."""
    starts = times(successor, "coordinator_started")
    await made.holds(successor.environment["STT_COORDINATOR_NAME"], above=above)
    took = monotonic() - begun
    # Only then the consumers of earlier epochs are gone.
    await logs(made, successor, "coordinator_started", after=starts)
    return took


async def logs(made: Coordinators, process: Process, event: str, *, after: int) -> None:
    """Wait until `process` has logged `event` more than `after` times."""

    async def is_logged() -> bool:
        return times(process, event) > after

    await made.until(is_logged, f"{event} in {process.log.name}")


def times(process: Process, event: str) -> int:
    return sum(one["event"] == event for one in logged(process))


async def the_holder_is_killed(made: Coordinators, _: Cluster) -> float:
    first, second, epoch = await holder(made)
    waits = times(first, "standby_waits")
    first.kill()
    took = await taken_over(made, second, epoch, monotonic())
    first.start()
    await logs(made, first, "standby_waits", after=waits)
    return took


async def the_holder_is_paused(made: Coordinators, _: Cluster) -> float:
    first, second, epoch = await holder(made)
    waits, lost = times(first, "standby_waits"), times(first, "lease_lost")
    pause(first)
    took = await taken_over(made, second, epoch, monotonic())
    resume(first)
    await logs(made, first, "lease_lost", after=lost)
    await logs(made, first, "standby_waits", after=waits)
    return took


async def the_node_of_the_holder_is_killed(made: Coordinators, cluster: Cluster) -> float:
    """The node that the holder is connected to dies: it finds another one, or is followed."""
    first, _, epoch = await holder(made)
    assert first.child is not None
    port = connected_port(first.child.pid, {node.port for node in cluster.nodes.values()})
    (node,) = (one for one in cluster.nodes.values() if one.port == port)
    renewed = await made.renewals()
    node.kill()
    begun = monotonic()

    async def is_renewed() -> bool:
        return await made.renewals() > renewed

    await made.until(is_renewed, "a renewal, or a successor")
    took = monotonic() - begun
    node.start()
    await cluster.in_step()
    after = await made.epoch()
    print(f"the holder {'kept the lease' if after == epoch else 'was followed'}")
    return took


FAULTS: tuple[Fault, ...] = (
    the_holder_is_killed,
    the_holder_is_paused,
    the_node_of_the_holder_is_killed,
)


@pytest.mark.timeout(300 + 2 * LIMIT_S * ROUNDS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_one_coordinator_acts_and_none_writes_late_although(
    tmp_path: Path, fault: Fault
) -> None:
    with clustered(tmp_path / "nats") as cluster:
        await cluster.whole()
        async with (
            coordinators(tmp_path, ttl_s=TTL_S, cluster=cluster) as made,
            connected(cluster) as bus,
        ):
            await two_machines(made)
            await cluster.in_step()
            async with busy(bus):
                took: list[float] = []
                for _ in range(ROUNDS):
                    await asyncio.sleep(1.0)  # of ordinary work, between two faults
                    took.append(await fault(made, cluster))
            await only_the_last_epoch_wrote(made.servers, await made.epoch())
    shown = " ".join(f"{one:.1f}" for one in sorted(took))
    name = fault.__name__.replace("_", " ")
    print(f"lease of {TTL_S:g} s, {name}: median {statistics.median(took):.1f} s of {shown}")
