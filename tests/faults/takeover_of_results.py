"""While results flow in, the coordinator that acts is replaced: each is recorded once, by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.protocol.coordinators import CoordinatorInfo
from tests.support.processes.cluster import clustered
from tests.support.processes.coordinators import LIMIT_S, pause, resume
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.process import Process

TARGETS = 100
SEED = 20261130
PAUSE_S = 20.0  # longer than the lease of 15 s
POLL_S = 0.05

Fault = Callable[[Process], Awaitable[None]]


async def killed(acting: Process) -> None:
    acting.kill()


async def paused(acting: Process) -> None:
    """Its lock on the folder stays: nobody can act until it is back and gives the folder up."""
    pause(acting)
    await asyncio.sleep(PAUSE_S)
    resume(acting)


async def who_acts(whole: Installation) -> tuple[CoordinatorInfo, Process]:
    info = (await whole.status()).coordinator
    assert info is not None
    named = {one.environment.get("STT_COORDINATOR_NAME"): one for one in whole.standbys}
    return info, named.get(info.name, whole.coordinator)


async def more_results(whole: Installation, than: int) -> int:
    """Wait until more than `than` results are in the store; returns how many are."""
    deadline = monotonic() + LIMIT_S
    while (number := whole.stored_results()) <= than:
        assert monotonic() < deadline, whole.tails()
        await asyncio.sleep(POLL_S)
    return number


async def replaced(whole: Installation, fault: Fault, dice: random.Random) -> None:
    """Let `fault` happen to the coordinator that acts, while it records the results of a run."""
    before, acting = await who_acts(whole)
    wanted = whole.stored_results() + dice.randrange(TARGETS // 2)
    await more_results(whole, wanted)
    begun = monotonic()
    await fault(acting)
    known = whole.stored_results()
    assert known % TARGETS, "the run was over before the fault"
    await more_results(whole, known)
    took = monotonic() - begun
    after, now_acting = await who_acts(whole)
    print(f"{fault.__name__}: epoch {before.epoch} to {after.epoch}, results again in {took:.1f} s")
    if fault is killed:
        assert (now_acting is not acting, after.epoch > before.epoch) == (True, True)
        acting.start()


@pytest.mark.timeout(600)
async def test_results_that_flow_in_are_recorded_once_although_their_coordinator_is_replaced(
    tmp_path: Path, postgresql: Running
) -> None:
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    with (
        clustered(tmp_path / "nats") as cluster,
        installed(
            tmp_path, postgresql, targets=TARGETS, workers=2, standbys=1, broker=cluster
        ) as whole,
    ):
        await cluster.whole()
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        for fault in (killed, paused, killed):
            await replaced(whole, fault, dice)
            await whole.finished(runs[-1])
            runs.append((await whole.run()).run_id)
        await whole.finished(runs[-1])
        await whole.at_rest()
        acts, _ = await who_acts(whole)
        # Before the invariants, whose readers are consumers of the streams for a while.
        await only_the_last_epoch_wrote(whole.servers, acts.epoch)
        await hold(whole, runs, TARGETS)
