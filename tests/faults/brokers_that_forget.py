"""Nothing is lost or doubled although a nats-server, or each of three, forgets what it confirmed.

Part of `make chaos`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes import brokers
from tests.support.processes.cluster import clustered
from tests.support.processes.commands import stt
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.two_runs import recorded

TARGETS = 20
SEED = 20261130
LEASE_S = 6.0

Fault = Callable[[list[Running], random.Random, list[Path]], None]


def all_data_are_lost(servers: list[Running], _: random.Random, __: list[Path]) -> None:
    brokers.lose_disks(servers)


def an_older_copy_comes_back(servers: list[Running], _: random.Random, copies: list[Path]) -> None:
    brokers.restore_data(servers, copies)


def one_node_comes_back_with_an_older_copy(
    servers: list[Running], dice: random.Random, copies: list[Path]
) -> None:
    at = dice.randrange(len(servers))
    brokers.restore_data(servers[at : at + 1], copies[at : at + 1])


def bits_flip_in_all_messages(servers: list[Running], dice: random.Random, _: list[Path]) -> None:
    for server in servers:
        assert brokers.flip_bits(server, dice, "jetstream/*/streams/*/msgs/*.blk")


ON_ONE = (all_data_are_lost, an_older_copy_comes_back, bits_flip_in_all_messages)
ON_THREE = (
    all_data_are_lost,
    an_older_copy_comes_back,
    one_node_comes_back_with_an_older_copy,
)


@pytest.mark.parametrize("fault", ON_ONE)
async def test_nothing_is_lost_or_doubled_although(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    with installed(tmp_path, postgresql, targets=TARGETS, workers=2, lease_s=LEASE_S) as whole:
        server = whole.broker
        assert isinstance(server, Running)
        await forgets(whole, [server], fault)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", ON_THREE)
async def test_nothing_is_lost_or_doubled_although_on_three_nodes(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    with (
        clustered(tmp_path / "nats") as cluster,
        installed(
            tmp_path, postgresql, targets=TARGETS, workers=2, lease_s=LEASE_S, broker=cluster
        ) as whole,
    ):
        await cluster.whole()
        await forgets(whole, list(cluster.nodes.values()), fault)


async def forgets(whole: Installation, servers: list[Running], fault: Fault) -> None:
    """Three runs; before the third, what happened since the first began is lost."""
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    whole.start()
    await whole.targets_announced(TARGETS)
    runs = [(await whole.enable()).run_id]
    await recorded(whole, TARGETS // 4)
    copies = brokers.copy_data(servers)
    await whole.finished(runs[0])
    runs.append((await whole.run()).run_id)
    await recorded(whole, TARGETS + TARGETS // 4)
    fault(servers, dice, copies)
    runs.append((await whole.run()).run_id)
    await whole.finished(runs[-1])
    await published_again(whole)
    await hold(whole, runs, TARGETS)


async def published_again(whole: Installation) -> None:
    """Events that the server lost: an operator has them published again from the store."""
    done = await asyncio.to_thread(
        stt, "events", "replay", "--since", "24h", STT_NATS_URL=whole.broker.url
    )
    assert done.returncode == 0, done
