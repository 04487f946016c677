"""Two workers of one name are distinguished, and one worker brings no more targets than it may."""

from __future__ import annotations

from datetime import datetime

import pytest

from stt_coordinator.domain.intake.ceilings import Ceilings
from stt_coordinator.tasks.guards import waiting_announcements
from stt_coordinator.tasks.registry import shown
from tests.support.coordinator.announcing import Site
from tests.support.coordinator.coordination import QUICK

SILENCE_S = QUICK.worker_down.total_seconds()
SMALL = Ceilings(worker_targets=50, new_targets_per_minute=20)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


@pytest.mark.parametrize("second_site", ["eu", "us"])
async def test_neither_of_two_workers_of_one_name_hides_the_other_or_its_targets(
    site: Site, second_site: str
) -> None:
    for _ in range(3):
        await site.announce("w1", "a", "b", epoch="first000")
        await site.announce("w1", "c", epoch="second00", site=second_site)
        await site.later(15)
    assert await site.workers() == {"w1": "up", "w1~second00": "up"}
    served = {name: row.workers for name, row in (await site.targets()).items()}
    assert served == {"a": ("w1",), "b": ("w1",), "c": ("w1~second00",)}
    (sentence,) = site.registry.degraded
    assert sentence == (
        f"worker w1 runs twice, at site eu and, shown as w1~second00, at site {second_site}: "
        "give each worker a name of its own"
    )


async def test_worker_that_lost_its_disk_is_a_double_no_longer_than_the_silence(site: Site) -> None:
    await site.announce("w1", "a", "b", epoch="before00")
    await site.later(1)
    await site.announce("w1", "a", "b", epoch="after000")
    assert set(await site.workers()) == {"w1", "w1~after000"}
    await site.later(SILENCE_S + 1)
    await site.announce("w1", "a", "b", epoch="after000")
    assert await site.workers() == {"w1": "up"}
    assert {row.workers for row in (await site.targets()).values()} == {("w1",)}
    assert site.registry.degraded == ()


async def test_worker_that_left_in_good_order_gives_its_name_to_the_next_at_once(
    site: Site,
) -> None:
    await site.announce("w1", "a", epoch="before00")
    await site.announce("w1", "a", epoch="before00", leaving=True)
    await site.announce("w1", "a", epoch="after000")
    assert await site.workers() == {"w1": "up"}


async def test_silent_worker_keeps_its_targets_from_a_double_that_serves_others(
    site: Site,
) -> None:
    await site.announce("w1", "a", epoch="first000")
    await site.announce("w1", "b", epoch="second00")
    await site.later(SILENCE_S + 1)
    await site.announce("w1", "b", epoch="second00")
    assert await site.workers() == {"w1": "down", "w1~second00": "up"}
    assert set(await site.targets()) == {"a", "b"}


async def test_worker_of_the_release_before_has_no_epoch_and_is_no_double_of_its_upgrade(
    site: Site,
) -> None:
    await site.announce("w1", "a")
    await site.announce("w1", "a", epoch="upgraded")
    await site.announce("w1", "a")
    assert await site.workers() == {"w1": "up"}


async def test_invented_installations_of_one_name_are_left_out_and_named(site: Site) -> None:
    await site.announce("w1", "a", epoch="genuine0")
    for number in range(40):
        await site.announce("w1", f"x{number}", epoch=f"forged{number:02}")
    assert len(await site.workers()) == 5
    assert len(await site.targets()) == 5
    assert "worker w1 has more than 4 doubles: the others are left out" in site.registry.degraded


async def test_a_flood_of_invented_installations_does_not_silence_the_worker(site: Site) -> None:
    await site.announce("w1", "a", epoch="genuine0")
    for _ in range(4):
        for number in range(40):
            site.hear("w1", f"x{number}", epoch=f"forged{number:02}")
        site.hear("w1", "a", epoch="genuine0")
        await site.later(SILENCE_S / 2)
    assert (await site.workers())["w1"] == "up"
    assert (await site.targets())["a"].workers == ("w1",)


async def test_names_that_only_a_flood_knew_are_forgotten(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_announcements, "MAX_WAITING", 10)
    await site.announce("w1", "a", epoch="genuine0")
    for number in range(50):
        site.hear(f"invented{number}", f"x{number}", epoch="forged00")
    site.hear("w1", "a", epoch="genuine0")
    await site.later(1)
    assert len(await site.workers()) == 11
    assert len(site.registry.skews) == 11
    assert len(site.registry.degraded) <= 5
    await site.later(shown.CROWDED_S + 1)
    await site.announce("w1", "a", epoch="genuine0")
    assert site.registry.degraded == ()


def names(number: int, prefix: str = "t") -> list[str]:
    return [f"{prefix}{n:05}" for n in range(number)]


async def test_ninety_thousand_invented_targets_are_refused_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    await site.announce("w1", *names(100))
    for batch in range(9):
        invented = names(10_000, f"x{batch}-")
        await site.announce("w1", *names(100), *invented)
        await site.later(15)
    found = await site.targets()
    assert set(names(100)) <= found.keys()
    assert len(found) <= 2_000
    every = await site.store.read(lambda ledger: ledger.fleet.all_targets())
    assert len(every) <= 2_010, "names that come and go fill the store no faster"
    (sentence,) = site.registry.degraded
    assert sentence.startswith("worker w1 announces 10100 targets, ")


async def test_many_new_targets_come_in_minutes_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, SMALL)
    await site.announce("w1", *names(45))
    assert len(await site.targets()) == 20
    (sentence,) = site.registry.degraded
    assert sentence == (
        "worker w1 announces 45 targets, 25 are left out: limits.new_targets_per_minute is 20, "
        "and as many a day as limits.worker_targets, 50"
    )
    for _ in range(2):
        await site.later(60)
        await site.announce("w1", *names(45))
    assert len(await site.targets()) == 45
    assert site.registry.degraded == ()


async def test_targets_that_are_known_come_before_invented_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, SMALL)
    await site.announce("w1", *names(20))
    await site.later(600)
    await site.announce("w1", *names(60, "a"), *names(20))
    assert set(names(20)) <= (await site.targets()).keys()
    assert len(await site.targets()) <= SMALL.worker_targets


async def test_worker_of_two_thousand_targets_and_two_hundred_workers_fit_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    begun: datetime = site.at
    for number in range(20):
        await site.announce(f"w{number}", *names(100, f"s{number}-"))
    assert len(await site.targets()) == 2_000
    assert site.at == begun
    assert site.registry.degraded == ()
