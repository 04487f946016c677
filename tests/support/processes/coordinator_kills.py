"""Coordinators that are killed at random and started again at once."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

from stt_shared.clock import monotonic
from tests.support.processes.installation import Installation
from tests.support.processes.process import Process

STARTED_S = 60.0


async def killed_at_random(
    whole: Installation, dice: random.Random, *, kills: int, longest_s: float = 1.0
) -> None:
    """Kill that many coordinators with SIGKILL, up to `longest_s` apart; all run afterwards."""
    every = [whole.coordinator, *whole.standbys]
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0, longest_s))
        one = dice.choice(every)
        one.kill()
        one.start()
    ends = monotonic() + STARTED_S
    # Without waiting for it the others do all the work, and a signal ends one that still starts.
    while not all(map(_stops_cleanly, every)):
        assert monotonic() < ends, whole.tails()
        await asyncio.sleep(0.1)


def _stops_cleanly(one: Process) -> bool:
    """Whether the process has a handler for SIGTERM."""
    assert one.child is not None
    status = Path(f"/proc/{one.child.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
