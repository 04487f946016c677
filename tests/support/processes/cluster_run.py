"""Two runs on a cluster of three nodes, and a fault of the cluster in the first."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from tests.support.processes.cluster import clustered
from tests.support.processes.cluster_faults import Fault
from tests.support.processes.installation import installed
from tests.support.processes.invariants import hold

UNDER_WAY_S = 0.7  # after which a run is planned and its first jobs are with the workers


async def run_beside(
    folder: Path, database: Running, fault: Fault, dice: random.Random, *, targets: int
) -> None:
    """Two runs: the fault happens in the first, the second is requested right after it."""
    with (
        clustered(folder / "nats") as cluster,
        installed(folder, database, targets=targets, workers=2, broker=cluster) as whole,
    ):
        await cluster.whole()
        whole.start()
        await whole.targets_announced(targets)
        first = await whole.enable()
        await asyncio.sleep(UNDER_WAY_S)
        await fault(cluster, dice)
        second = await whole.run()
        await whole.finished(second.run_id)
        await cluster.in_step()
        await hold(whole, [first.run_id, second.run_id], targets)
