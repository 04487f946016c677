"""Coordinators that are killed at random and started again at once."""

from __future__ import annotations

import asyncio
import random

from tests.support.processes.installation import Installation


async def killed_at_random(
    whole: Installation, dice: random.Random, *, kills: int, longest_s: float = 1.0
) -> None:
    """Kill that many coordinators with SIGKILL, up to `longest_s` apart."""
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0, longest_s))
        one = dice.choice([whole.coordinator, *whole.standbys])
        one.kill()
        one.start()
