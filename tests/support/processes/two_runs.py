"""Two runs, between which a fault happens: the first has results, the second has just begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stt_shared.clock import monotonic
from tests.support.processes.installation import Installation
from tests.support.processes.invariants import hold

LIMIT_S = 120.0
POLL_S = 0.05


async def two_runs(whole: Installation, targets: int) -> list[str]:
    """The ids of two runs, with results of the first in the store and the second just begun."""
    whole.start()
    await whole.targets_announced(targets)
    first = (await whole.enable()).run_id
    await recorded(whole, targets // 4)
    return [first, (await whole.run()).run_id]


async def all_is_there(whole: Installation, runs: list[str], targets: int) -> None:
    """Wait until the last run has finished, and assert I1 to I9."""
    await whole.finished(runs[-1])
    await hold(whole, runs, targets)


async def recorded(whole: Installation, more_than: int) -> None:
    """Wait until more than so many results are in the store."""
    try:
        await until(lambda: whole.stored_results() > more_than, "results")
    except AssertionError as error:
        raise AssertionError(whole.tails()) from error


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until that holds."""
    ends = monotonic() + LIMIT_S
    while not holds():
        assert monotonic() < ends, f"waited for {what}"
        await asyncio.sleep(POLL_S)
