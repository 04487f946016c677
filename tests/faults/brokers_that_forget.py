"""A nats-server comes back without what it had confirmed: nothing is lost or doubled.

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
from tests.support.processes.commands import stt
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.two_runs import recorded

TARGETS = 20
SEED = 20261130
LEASE_S = 6.0

Fault = Callable[[Running, random.Random, Path], None]


def all_data_are_lost(server: Running, _: random.Random, __: Path) -> None:
    brokers.lose_disk(server)


def an_older_copy_comes_back(server: Running, _: random.Random, copy: Path) -> None:
    brokers.restore_data(server, copy)


def bits_flip_in_all_messages(server: Running, dice: random.Random, _: Path) -> None:
    assert brokers.flip_bits(server, dice, "jetstream/*/streams/STT_*/msgs/*.blk")


@pytest.mark.parametrize(
    "fault", [all_data_are_lost, an_older_copy_comes_back, bits_flip_in_all_messages]
)
async def test_nothing_is_lost_or_doubled_although(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    with installed(tmp_path, postgresql, targets=TARGETS, workers=2, lease_s=LEASE_S) as whole:
        server = whole.broker
        assert isinstance(server, Running)
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        await recorded(whole, TARGETS // 4)
        copy = brokers.copy_data(server)
        await whole.finished(runs[0])
        runs.append((await whole.run()).run_id)
        await recorded(whole, TARGETS + TARGETS // 4)
        fault(server, dice, copy)
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
