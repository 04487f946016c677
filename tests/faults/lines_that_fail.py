"""The line between a worker and NATS holds everything back, is slow, or breaks: I1 to I9 hold.

Part of `make chaos`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.coordinators import logged
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.line import Line, Quality, line_to
from tests.support.processes.two_runs import recorded, until

TARGETS = 20
SEED = 20261130
BAD = Quality(delay_s=(0.1, 0.9), resets=0.1, bytes_per_s=8_000.0)
BAD_S = 30.0
RESETS = 3

Fault = Callable[[Installation, Line], Awaitable[None]]


async def everything_is_held_back(whole: Installation, line: Line) -> None:
    """Nobody gets an error: the worker has to find out by itself that nothing comes back."""
    line.cut()
    await until(lambda: has_lost(whole), "a worker that sees it")
    line.heal()


async def it_is_slow_and_breaks(_: Installation, line: Line) -> None:
    line.quality = BAD
    await asyncio.sleep(BAD_S)
    await until(lambda: line.resets >= RESETS, "connections that are reset")
    line.quality = Quality()


def has_lost(whole: Installation) -> bool:
    return any(line["event"] == "connection_lost" for line in logged(whole.workers[0]))


FAULTS: tuple[Fault, ...] = (everything_is_held_back, it_is_slow_and_breaks)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_every_job_ends_once_although_the_line_of_a_worker_fails(
    tmp_path: Path, postgresql: Running, fault: Fault
) -> None:
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    with (
        installed(tmp_path, postgresql, targets=TARGETS, workers=2) as whole,
        line_to(whole.broker.port, dice) as line,
    ):
        whole.workers[0].environment["STT_NATS_URL"] = line.url
        whole.start()
        await whole.targets_announced(TARGETS)
        runs = [(await whole.enable()).run_id]
        await recorded(whole, 1)
        await fault(whole, line)
        runs.append((await whole.run()).run_id)
        await whole.finished(runs[-1])
        await hold(whole, runs, TARGETS)
        assert not whole.workers[0].kills
