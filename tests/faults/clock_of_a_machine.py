"""The clock of a machine jumps, for NATS, both coordinators and the worker at once: I1 to I9 hold.

Part of `make chaos`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from tests.support.processes.coordinators import logged
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.moved_clock import MovedClock

TARGETS = 10
LEASE_S = 4.0
LIMIT_S = 60.0
JUMPS = (timedelta(days=365), timedelta(hours=25), timedelta(days=1_200), -timedelta(hours=1))


async def is_held(whole: Installation, *, wanted: bool) -> None:
    """Wait until the status says that acts wait for the clocks, or does not any more."""
    ends = monotonic() + LIMIT_S
    while bool((await whole.status()).clock) is not wanted:
        assert monotonic() < ends, whole.tails()
        await asyncio.sleep(0.1)


def clocks(whole: Installation) -> list[MovedClock]:
    """That of each process of the machine, as they run now."""
    assert isinstance(whole.broker, Running)
    children = [process.child for process in whole.processes]
    pids = [whole.broker.pid, *(child.pid for child in children if child is not None)]
    return [MovedClock(pid) for pid in pids]


@pytest.mark.timeout(600)
async def test_each_jump_of_all_clocks_at_once_leaves_the_lease_and_every_job_as_they_are(
    tmp_path: Path, postgresql: Running
) -> None:
    with installed(tmp_path, postgresql, targets=TARGETS, standbys=1, lease_s=LEASE_S) as whole:
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        await whole.finished(runs[0])
        before = (await whole.status()).coordinator
        assert before is not None
        everything = clocks(whole)
        for jump in JUMPS:
            for clock in everything:
                clock.move(jump.total_seconds())
            await is_held(whole, wanted=True)
            runs.append((await whole.run()).run_id)
            await whole.finished(runs[-1])
            await asyncio.sleep(2 * LEASE_S)  # for a standby that believed a clock
            for clock in everything:
                clock.move(0)
            await is_held(whole, wanted=False)
            runs.append((await whole.run()).run_id)
            await whole.finished(runs[-1])
        after = (await whole.status()).coordinator
        assert after is not None
        assert (after.name, after.epoch) == (before.name, before.epoch)
        taken = [one for log in whole.processes for one in logged(log)]
        assert sum(one["event"] == "lease_taken" for one in taken) == 1
        await hold(whole, runs, TARGETS)
