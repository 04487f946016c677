"""Whatever is killed and when, every job ends in the store exactly once and no event is doubled.

A short round of random kills with each change; `make chaos` kills more often, beside more jobs.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold

TARGETS = 20
MANY_TARGETS = 100
JOBS = int(os.environ.get("STT_TEST_JOBS", "250"))
KILLS = int(os.environ.get("STT_TEST_KILLS", "10"))
SEED = int(os.environ.get("SEED") or 20261123)


@pytest.mark.parametrize(
    "fault", ["after-commit-before-ack", "after-tick-before-jobs", "mid-dispatch"]
)
async def test_coordinator_killed_at_a_named_point_loses_and_doubles_nothing(
    tmp_path: Path, postgresql: Running, fault: str
) -> None:
    with installed(tmp_path, postgresql, targets=TARGETS) as whole:
        whole.coordinator.start(fault=fault)
        whole.workers[0].start()
        await whole.targets_announced(TARGETS)
        first = await whole.enable()
        await whole.coordinator.killed_by_itself()
        whole.coordinator.start()
        await hold(whole, [first.run_id], TARGETS)


async def test_worker_killed_after_publish_and_before_ack_does_not_run_the_job_again(
    tmp_path: Path, postgresql: Running
) -> None:
    with installed(tmp_path, postgresql, targets=TARGETS) as whole:
        whole.coordinator.start()
        whole.workers[0].start(fault="after-publish-before-ack")
        await whole.targets_announced(TARGETS)
        first = await whole.enable()
        await whole.workers[0].killed_by_itself()
        whole.workers[0].start()
        await hold(whole, [first.run_id], TARGETS)
        assert whole.stored_results() == TARGETS


async def test_broker_killed_in_the_middle_of_a_run_loses_nothing(
    tmp_path: Path, postgresql: Running
) -> None:
    with installed(tmp_path, postgresql, targets=MANY_TARGETS) as whole:
        whole.start()
        await whole.targets_announced(MANY_TARGETS)
        first = await whole.enable()
        await asyncio.sleep(0.5)
        whole.broker.kill()
        whole.broker.restart()
        await hold(whole, [first.run_id], MANY_TARGETS)


@pytest.mark.timeout(600)
async def test_jobs_end_exactly_once_although_all_three_are_killed_at_random(
    tmp_path: Path, postgresql: Running
) -> None:
    print(f"SEED={SEED}")
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    with installed(tmp_path, postgresql, targets=JOBS, workers=2) as whole:
        whole.start()
        await whole.targets_announced(JOBS)
        run_id = (await whole.enable()).run_id
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.2, 1.2))
            await kill_one(whole, dice)
        await hold(whole, [run_id], JOBS)
        kills = [process.kills for process in (whole.coordinator, *whole.workers)]
        print(f"SEED={SEED}: {JOBS} jobs, {KILLS} kills, of coordinator and workers {kills}")


async def kill_one(whole: Installation, dice: random.Random) -> None:
    """One process dies as by a power cut and comes back with the data it left."""
    victim = dice.choice(["coordinator", "worker", "worker", "broker"])
    if victim == "broker":
        whole.broker.kill()
        whole.broker.restart()
        return
    process = whole.coordinator if victim == "coordinator" else dice.choice(whole.workers)
    process.kill()
    process.start()
