"""What hostile servers cost healthy targets in time, measured: `make hostile`, minutes."""

from __future__ import annotations

import statistics

from stt_worker.targets.model import Target
from tests.hostile.fleet.hostile_site import names, site

ROUNDS = 5
RATIO = 1.25


async def test_healthy_targets_beside_hostile_ones_take_a_quarter_longer_at_most(
    healthy: list[Target], hostile: list[Target]
) -> None:
    ratios: dict[str, list[float]] = {"first time": [], "known": []}
    for _ in range(ROUNDS):
        async with site([*healthy, *hostile]) as worker:
            await worker.timed(names(healthy))
            for found in ratios.values():
                alone = await worker.timed(names(healthy))
                found.append(await worker.timed(names(healthy), names(hostile)) / alone)
    for name, found in ratios.items():
        shown = ", ".join(f"{one:.2f}" for one in sorted(found))
        print(f"hostile servers {name}: {statistics.median(found):.2f} of alone ({shown})")
    assert max(map(statistics.median, ratios.values())) <= RATIO
