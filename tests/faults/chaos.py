"""Faults for minutes, drawn at random: `make chaos`, SEED and MINUTES from the environment.

Not part of the tests of each change. The seed is printed first; with it the faults, not their
timing, are the same again.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.cluster import Cluster, clustered
from tests.support.processes.cluster_faults import FAULTS, Fault
from tests.support.processes.cluster_run import run_beside
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold

SEED = int(os.environ.get("SEED") or secrets.randbelow(1 << 32))
MINUTES = float(os.environ.get("MINUTES") or 10)
TARGETS = 300
WORKERS = 3
LONGEST_S = 3_600 + 120 * MINUTES


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_larger_run_ends_exactly_once_although(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    print(f"SEED={SEED}")
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    await run_beside(tmp_path, postgresql, [fault], dice, targets=TARGETS)


@pytest.mark.timeout(LONGEST_S)
async def test_runs_end_exactly_once_although_faults_follow_each_other_at_random(
    tmp_path: Path, postgresql: Running
) -> None:
    print(f"SEED={SEED} MINUTES={MINUTES:g}")
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    with (
        clustered(tmp_path / "nats") as cluster,
        installed(tmp_path, postgresql, targets=TARGETS, workers=WORKERS, broker=cluster) as whole,
    ):
        await cluster.whole()
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        until = time.monotonic() + 60 * MINUTES
        while time.monotonic() < until:
            print(f"{await fault_of_any_kind(cluster, whole, dice)}, run {len(runs)}")
            runs.append((await whole.run()).run_id)
            await whole.finished(runs[-1])
        await cluster.in_step()
        await hold(whole, runs, TARGETS)
        kills = sum(process.kills for process in (whole.coordinator, *whole.workers))
        print(f"SEED={SEED}: {len(runs)} runs of {TARGETS} jobs, {kills} kills of processes")


async def fault_of_any_kind(cluster: Cluster, whole: Installation, dice: random.Random) -> str:
    """A fault of the cluster, or the death of one of our processes; returns its name."""
    process = dice.choice([None, whole.coordinator, *whole.workers])
    if process is None:
        fault = dice.choice(FAULTS)
        await fault(cluster, dice)
        return fault.__name__
    await asyncio.sleep(dice.uniform(0, 2))
    process.kill()
    process.start()
    return f"kill of {process.log.stem}"
