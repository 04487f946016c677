"""Real workers and databases, and whatever happens to the coordinator that acts: I1 to I9 hold.

Some faults with each change; `make chaos` has all of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.coordinators import logged, pause, resume
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.line import Line, line_to
from tests.support.processes.moved_clock import MovedClock
from tests.support.processes.two_runs import recorded, until

TARGETS = 20
LEASE_S = 4.0
AHEAD = timedelta(hours=25)

# What happens to the coordinator that acts; `line` is between it and NATS.
Fault = Callable[[Installation, Line], Awaitable[None]]


async def it_is_killed(whole: Installation, _: Line) -> None:
    whole.coordinator.kill()
    await taken_over(whole)
    whole.coordinator.start()
    # A process that is asked to end while it is being loaded ends by the signal, not with code 0.
    await until(lambda: has_logged(whole, 0, "standby_waits"), "the killed one as a standby")


async def it_is_paused(whole: Installation, _: Line) -> None:
    """Its lock on the folder stays: the standby acts once it is back and gives the folder up."""
    pause(whole.coordinator)
    await asyncio.sleep(2 * LEASE_S)
    resume(whole.coordinator)


async def it_is_cut_off(whole: Installation, line: Line) -> None:
    line.cut()
    await taken_over(whole)
    line.heal()
    await until(lambda: has_logged(whole, 0, "lease_lost"), "the end of the lease")


async def its_clock_jumps(whole: Installation, _: Line) -> None:
    """Ahead by more than a day, and back: nobody takes over, and the run goes on."""
    assert whole.coordinator.child is not None
    clock = MovedClock(whole.coordinator.child.pid)
    clock.move(AHEAD.total_seconds())
    await until(lambda: has_logged(whole, 0, "clock_disagrees"), "a sentence about the clock")
    known = whole.stored_results()
    if known < TARGETS:
        await recorded(whole, known)
    clock.move(0)
    await until(lambda: has_logged(whole, 0, "clock_agrees"), "the end of it")
    assert not has_logged(whole, 1, "lease_taken")


async def taken_over(whole: Installation) -> None:
    await until(lambda: has_logged(whole, 1, "coordinator_started"), "a successor")


def has_logged(whole: Installation, number: int, event: str) -> bool:
    lines = logged([whole.coordinator, *whole.standbys][number])
    return any(line["event"] == event for line in lines)


FAULTS: tuple[Fault, ...] = (it_is_cut_off, its_clock_jumps)
if os.environ.get("STT_TEST_PACE") == "real":
    FAULTS = (it_is_killed, it_is_paused, *FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_every_job_ends_once_and_one_coordinator_writes_although(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    with (
        installed(tmp_path, postgresql, targets=TARGETS, standbys=1, lease_s=LEASE_S) as whole,
        line_to(whole.broker.port) as line,
    ):
        whole.coordinator.environment["STT_NATS_URL"] = line.url
        whole.coordinator.start()
        await until(lambda: has_logged(whole, 0, "coordinator_started"), "a coordinator")
        for one in (*whole.standbys, *whole.workers):
            one.start()
        await until(lambda: has_logged(whole, 1, "standby_waits"), "a standby")
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        await recorded(whole, TARGETS // 4)
        await fault(whole, line)
        runs.append((await whole.run()).run_id)
        await whole.finished(runs[-1])
        await whole.at_rest()
        acting = (await whole.status()).coordinator
        assert acting is not None
        # Before the invariants, whose readers are consumers of the streams for a while.
        await only_the_last_epoch_wrote(whole.servers, acting.epoch)
        await hold(whole, runs, TARGETS)
