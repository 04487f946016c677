"""Turns: as many at once as there are, none of them for long, the slow behind the others."""

from __future__ import annotations

import asyncio

import pytest

from stt_worker import turns
from stt_worker.turns import DrainingError, Turns


class Site:
    """Targets that take so many seconds, and the order in which they began."""

    def __init__(self, number: int) -> None:
        self.turns = Turns(number)
        self.begun: list[str] = []
        self.most = 0

    async def job(self, name: str, seconds: float) -> None:
        async with self.turns.turn(name):
            self.begun.append(name)
            self.most = max(self.most, self.turns.running)
            await asyncio.sleep(seconds)

    async def jobs(self, seconds: float, *names: str) -> None:
        await asyncio.gather(*(self.job(name, seconds) for name in names))


async def test_no_more_work_at_once_than_there_are_turns() -> None:
    site = Site(3)
    await site.jobs(0.01, *(f"t{n}" for n in range(20)))
    assert site.most == 3
    assert site.begun == [f"t{n}" for n in range(20)]


async def test_who_waits_for_its_server_gives_its_turn_away() -> None:
    site = Site(2)
    hanging = [asyncio.create_task(site.job(f"bad{n}", 600)) for n in range(8)]
    async with asyncio.timeout(5):
        await site.jobs(0.01, *(f"good{n}" for n in range(10)))
    for one in hanging:
        one.cancel()
    await asyncio.wait(hanging)
    await site.jobs(0.01, "a", "b", "c")
    assert site.turns.running == 0


async def test_who_took_long_last_time_comes_behind_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SLOW_S", 0.05)
    monkeypatch.setattr(turns, "TURN_S", 10.0)
    site = Site(4)
    slow = [f"slow{n}" for n in range(6)]
    await site.jobs(0.1, *slow)
    site.begun.clear()
    good = [f"good{n}" for n in range(12)]
    await site.jobs(0.01, *slow, *good)
    # One of four turns is for them until the others have begun.
    assert set(site.begun[:4]) == {"slow0", "good0", "good1", "good2"}
    assert [one for one in site.begun if one in good] == good
    assert site.begun.index("good11") < site.begun.index("slow4")


async def test_the_slow_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLOW_S", 0.01)
    site = Site(1)
    await site.job("slow", 0.02)
    monkeypatch.setattr(turns, "SLOW_WAIT_S", 0.0)
    site.begun.clear()
    await site.jobs(0.0, "first", "second", "slow", "third")
    assert site.begun.index("slow") < 3


async def test_at_the_end_nobody_gets_a_turn_who_has_none() -> None:
    site = Site(1)
    running = asyncio.create_task(site.job("running", 0.1))
    waiting = asyncio.create_task(site.job("waiting", 0.1))
    await asyncio.sleep(0.02)
    site.turns.drain()
    with pytest.raises(DrainingError):
        await waiting
    with pytest.raises(DrainingError):
        await site.job("late", 0)
    await running
    assert site.begun == ["running"]


async def test_a_cancelled_wait_costs_no_turn() -> None:
    site = Site(1)
    running = asyncio.create_task(site.job("running", 0.05))
    waiting = [asyncio.create_task(site.job(f"w{n}", 0)) for n in range(3)]
    await asyncio.sleep(0.01)
    for one in waiting:
        one.cancel()
    await running
    async with asyncio.timeout(1):
        await site.job("next", 0)
