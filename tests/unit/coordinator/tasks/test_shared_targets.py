"""A worker that begins to announce what another worker has is named in the status for an hour."""

from __future__ import annotations

import pytest

from tests.support.coordinator.announcing import Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def sentences(site: Site) -> list[str]:
    return [one for one in site.registry.degraded if "began to announce" in one]


async def test_stand_in_is_named_when_it_begins_and_no_longer_than_an_hour(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    await site.announce("w1", "a", "b", "c")
    await site.announce("w2", "own", "a", "b")
    assert sentences(site) == [
        "worker w2 of site eu began to announce 2 targets of w1 (a, b): its results count as well"
    ]
    assert "targets_shared" in capsys.readouterr().out
    for _ in range(2):  # what it goes on to announce is no news
        await site.later(1_795)
        await site.announce("w2", "own", "a", "b")
        await site.announce("w1", "a", "b", "c")
        assert len(sentences(site)) == 1
    await site.later(11)
    assert sentences(site) == []
    await site.announce("w2", "own", "a", "b", "c")
    assert sentences(site) == [
        "worker w2 of site eu began to announce 1 target of w1 (c): its results count as well"
    ]


async def test_neither_new_targets_nor_a_restart_nor_a_double_nor_another_site_is_a_stand_in(
    site: Site,
) -> None:
    site.hear("w1", "a", epoch="first000")
    site.hear("w2", "a")  # of one installation, started together
    await site.registry.record()
    await site.announce("w1", "a", epoch="first000", leaving=True)
    await site.announce("w1", "a", "b", epoch="first000")
    await site.announce("w1", "a", epoch="second00")
    await site.announce("w9", "a", site="us")
    assert sentences(site) == []


async def test_as_many_workers_are_kept_as_are_known(site: Site) -> None:
    await site.announce("w0", *(f"t{number}" for number in range(30)))
    for number in range(20):
        await site.announce(f"w{number + 1}", f"t{number}")
    assert len(sentences(site)) == 5
    assert len(site.registry._shared._by_worker) == 20  # the test's point
    await site.store.transact(lambda led: led.fleet.drop_workers(f"w{n}" for n in range(1, 21)))
    await site.announce("w0", *(f"t{number}" for number in range(30)))
    assert site.registry._shared._by_worker == {}


async def test_a_stand_in_is_named_after_a_restart_of_the_coordinator_too_and_then_no_more(
    site: Site,
) -> None:
    await site.announce("w1", "a", "b")
    await site.announce("w2", "own", "a")
    (named,) = sentences(site)
    await site.later(30)
    site.restart()
    await site.registry.record()
    assert sentences(site) == [named]
    # It goes on to announce them, which keeps the sentence with it.
    await site.announce("w2", "own", "a")
    site.restart()
    await site.announce("w2", "own", "a")
    assert sentences(site) == [named]
    # An hour later it is no news, and no restart makes it so again.
    await site.later(3_601)
    await site.announce("w2", "own", "a")
    assert sentences(site) == []
    site.restart()
    await site.announce("w2", "own", "a")
    assert sentences(site) == []
