"""The faults of a cluster of three nodes; after each the cluster heals by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from nats.errors import Error as NatsError

from stt_shared.protocol import subjects
from tests.support.processes.cluster import NAMES, Cluster

PAUSE_S = 12.0  # longer than an election, shorter than what a client waits for a silent server
APART_S = 12.0
KILLS = 6
BETWEEN_KILLS_S = 2.0

Fault = Callable[[Cluster, random.Random], Awaitable[None]]


async def a_node_after_the_other_is_killed(cluster: Cluster, dice: random.Random) -> None:
    """A random node is killed every two seconds and comes back."""
    for _ in range(KILLS):
        name = dice.choice(NAMES)
        cluster.nodes[name].kill()
        await asyncio.sleep(BETWEEN_KILLS_S)
        cluster.nodes[name].start()


async def the_leaders_of_the_streams_are_killed(cluster: Cluster, _: random.Random) -> None:
    """The leader of the jobs, then that of the results, is killed and comes back."""
    for stream in (subjects.STREAM_JOBS, subjects.STREAM_RESULTS):
        try:
            name = await cluster.leader(stream)
        except (NatsError, TimeoutError):  # an election is under way: any node will do
            name = NAMES[0]
        cluster.nodes[name].kill()
        await asyncio.sleep(BETWEEN_KILLS_S)
        cluster.nodes[name].start()


async def all_nodes_are_killed_at_once(cluster: Cluster, _: random.Random) -> None:
    """As by a power cut, but for what the disks had not written yet."""
    cluster.kill()
    cluster.restart()


async def the_nodes_restart_in_turn(cluster: Cluster, _: random.Random) -> None:
    """As in an upgrade of the servers: each ends in order; the next waits for its copies."""
    for node in cluster.nodes.values():
        node.restart()
        await cluster.in_step()


async def a_node_loses_its_disk(cluster: Cluster, dice: random.Random) -> None:
    """A node comes back empty and copies everything from the others."""
    await cluster.in_step()
    cluster.wipe(dice.choice(NAMES))


async def a_node_stands_still(cluster: Cluster, dice: random.Random) -> None:
    """A node is stopped and goes on as if nothing had been."""
    name = dice.choice(NAMES)
    cluster.pause(name)
    await asyncio.sleep(PAUSE_S)
    cluster.resume(name)


async def a_node_is_cut_off(cluster: Cluster, dice: random.Random) -> None:
    """One node and its clients are apart from the other two, then the cluster heals."""
    cluster.proxy.cut(dice.choice(NAMES))
    await asyncio.sleep(APART_S)
    cluster.proxy.heal()


FAULTS: tuple[Fault, ...] = (
    a_node_after_the_other_is_killed,
    the_leaders_of_the_streams_are_killed,
    all_nodes_are_killed_at_once,
    the_nodes_restart_in_turn,
    a_node_loses_its_disk,
    a_node_stands_still,
    a_node_is_cut_off,
)
