"""Runs on a cluster of three nodes, and faults of the cluster in every other one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from tests.support.processes.cluster import clustered
from tests.support.processes.cluster_faults import Fault
from tests.support.processes.installation import installed
from tests.support.processes.invariants import hold

UNDER_WAY_S = 0.7  # after which a run is planned and its first jobs are with the workers


async def run_beside(
    folder: Path, database: Running, faults: Sequence[Fault], dice: random.Random, *, targets: int
) -> None:
    """Two runs for each fault: it happens in the first, the second is requested right after it."""
    with (
        clustered(folder / "nats") as cluster,
        installed(folder, database, targets=targets, workers=2, broker=cluster) as whole,
    ):
        await cluster.whole()
        whole.start()
        await whole.targets_announced(targets)
        first = (await whole.enable()).run_id
        for number, fault in enumerate(faults):
            first = (await whole.run()).run_id if number else first
            await asyncio.sleep(UNDER_WAY_S)
            await fault(cluster, dice)
            print(fault.__name__)
            second = (await whole.run()).run_id
            await whole.finished(second)
            await cluster.in_step()
            await hold(whole, [first, second], targets)
