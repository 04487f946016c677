"""A worker that changes its targets all the time fills no stream of events with that."""

from __future__ import annotations

import pytest

from stt_coordinator.domain.intake.ceilings import MIN_CHANGES, Ceilings
from tests.support.coordinator.announcing import Site
from tests.support.coordinator.ledgers import leaving

NAMES = tuple(f"t{number}" for number in range(50))
LIMITS = Ceilings(worker_targets=200, new_targets_per_minute=200)
STEPS = 100


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch, LIMITS)


async def events(site: Site) -> int:
    return len(await leaving(site.store, "event."))


async def test_targets_that_go_and_come_all_the_time_stay_as_they_are(site: Site) -> None:
    for _ in range(STEPS):
        await site.announce("w1", *NAMES)
        await site.announce("w1")
    assert await events(site) <= MIN_CHANGES + len(NAMES)
    (sentence,) = site.registry.degraded
    assert sentence == (
        "worker w1 changes its targets too often, they stay as they are: "
        f"it may announce {MIN_CHANGES} changes a day"
    )
    await site.announce("w2", "other")
    assert "other" in await site.targets()
    await site.later(86_400)
    await site.announce("w1", *NAMES)
    await site.announce("w1")
    assert (set(await site.targets()) & set(NAMES), site.registry.degraded) == (set(), ())


async def test_claims_that_go_and_come_all_the_time_are_bounded(site: Site) -> None:
    await site.announce("owner", *NAMES)
    for _ in range(STEPS):
        await site.announce("thief", *NAMES, site="us")
        await site.announce("thief", site="us")
    assert await events(site) <= MIN_CHANGES + len(NAMES)
    assert {row.workers for row in (await site.targets()).values()} == {("owner",)}


async def test_a_worker_that_leaves_and_comes_all_the_time_is_up(site: Site) -> None:
    for _ in range(MIN_CHANGES):
        await site.announce("w1", "t1")
        await site.announce("w1", "t1", leaving=True)
    assert await events(site) <= MIN_CHANGES + 2
    assert await site.workers() == {"w1": "up"}


async def test_a_file_that_changes_now_and_then_is_taken_over_whole(site: Site) -> None:
    await site.announce("w1", *NAMES)
    await site.announce("w1", *NAMES[:10])
    assert set(await site.targets()) == set(NAMES[:10])
    await site.announce("w1", *NAMES)
    assert (set(await site.targets()), site.registry.degraded) == (set(NAMES), ())
