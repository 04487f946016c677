"""The disk of one nats-server of three is full: the others go on, and the status names it."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.cluster import NAMES, Cluster, clustered
from tests.support.processes.commands import stt
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.small_disk import fill, small_disk

TARGETS = 60
SEED = 20261130
DISK = "64m"
LIMIT_S = 120.0
POLL_S = 0.5
SENTENCE = "replicas are not up to date on nats-server {}: nothing is lost while the others run"


async def named(whole: Installation, node: str, *, is_there: bool) -> None:
    """Wait until the status names `node` among what is wrong, or does not any more."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        wrong = " ".join((await whole.status()).degraded)
        if (SENTENCE.format(node) in wrong) is is_there:
            return
        assert time.monotonic() < deadline, (wrong, whole.coordinator.tail())
        await asyncio.sleep(POLL_S)


async def switched_off(cluster: Cluster, node: str) -> None:
    """Wait until the server has ended its JetStream."""
    deadline = time.monotonic() + LIMIT_S
    while "JetStream Shutdown" not in (log := cluster.nodes[node].log.read_text(errors="replace")):
        assert time.monotonic() < deadline, log
        await asyncio.sleep(POLL_S)
    assert "no space left on device" in log


@pytest.mark.timeout(600)
async def test_a_full_disk_of_one_node_loses_nothing_and_is_named_until_the_node_is_back(
    tmp_path: Path, postgresql: Running
) -> None:
    node = random.Random(SEED).choice(NAMES)  # noqa: S311  # repeatable faults, no secret
    with (
        small_disk(tmp_path / "nats" / node / "data", DISK) as disk,
        clustered(tmp_path / "nats", any_disk=True) as cluster,
        installed(tmp_path, postgresql, targets=TARGETS, workers=2, broker=cluster) as whole,
    ):
        await cluster.whole()
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        filler = fill(disk)
        runs.append((await whole.run()).run_id)
        await whole.finished(runs[-1])
        await switched_off(cluster, node)
        await named(whole, node, is_there=True)
        seen = await asyncio.to_thread(stt, "doctor", STT_NATS_URL=cluster.url)
        assert f"not up to date: {node} (behind)" in seen.stdout, seen
        assert "free space on its disk and restart it" in seen.stdout

        # Room alone does not bring it back: nats-server switches JetStream on when it starts.
        filler.unlink()
        cluster.nodes[node].restart()
        await cluster.in_step()
        await named(whole, node, is_there=False)
        runs.append((await whole.run()).run_id)
        await hold(whole, runs, TARGETS)
