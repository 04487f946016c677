"""A holder acts only as long as others cannot have taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.memory import Held, MemoryLease
from stt_coordinator.lease.port import Claimant, LeaseLostError
from stt_coordinator.lease.term import Keeper, Term
from stt_shared import clock
from stt_shared.errors import UnreachableError

TTL_S = 0.3
A = Claimant(holder="a", name="a", host="h", store="s")
B = Claimant(holder="b", name="b", host="h", store="s")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Counting(MemoryLease):
    """A lease that counts its renewals."""

    renewals = 0

    async def renew(self) -> bool:
        self.renewals += 1
        return await super().renew()


class Unreachable(MemoryLease):
    """A lease whose server does not answer as long as `is_away`."""

    is_away = True

    async def renew(self) -> bool:
        if self.is_away:
            raise UnreachableError("no answer")
        return await super().renew()


async def nothing() -> None:
    pass


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # what it looks at has no event
            await asyncio.sleep(0.01)


@pytest.fixture
def uptime(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The uptime of the machine, which only a test moves."""
    made = Clock()
    monkeypatch.setattr(clock, "uptime", made)
    return made


def test_a_term_ends_before_others_may_take_over_and_a_renewal_prolongs_it() -> None:
    uptime = Clock()
    term = Term(1, begun=100.0, ttl_s=10.0, uptime=uptime)
    uptime.now = 107.4
    assert term.may_act()
    term.require()
    uptime.now = 107.5
    assert not term.may_act()
    with pytest.raises(UnreachableError, match="not renewed for 8 s"):
        term.require()
    term.renewed(104.0)
    assert term.may_act()


def test_a_paused_machine_ends_the_term_whatever_the_wall_clock_says() -> None:
    uptime = Clock()
    term = Term(1, begun=100.0, ttl_s=10.0, uptime=uptime)
    uptime.now += 60.0  # stopped, or suspended with its machine
    assert not term.may_act()


async def test_the_keeper_renews_until_another_coordinator_holds_the_lease(
    tmp_path: Path, uptime: Clock
) -> None:
    held = Held(uptime=uptime)
    mine, other = Counting(held, A, ttl_s=TTL_S), MemoryLease(held, B, ttl_s=TTL_S)
    await mine.inspect()
    assert await mine.take() == 1
    term = Term(1, begun=uptime(), ttl_s=TTL_S, uptime=uptime)
    keeper = Keeper(lease=mine, term=term, mend=nothing, handover=Handover(tmp_path))
    task = asyncio.create_task(keeper.keep())
    for _ in range(4):
        uptime.now += TTL_S / 2
        seen = mine.renewals
        await until(lambda seen=seen: mine.renewals > seen + 1)  # type: ignore[misc]
        assert term.may_act()
        assert not (await other.inspect()).is_free
    held.until = 0.0
    await other.inspect()
    assert await other.take() == 2
    with pytest.raises(LeaseLostError, match="another coordinator"):
        await asyncio.wait_for(task, 60)
    assert term.is_lost
    with pytest.raises(UnreachableError, match="stands down"):
        term.require()


async def test_what_refuses_a_message_is_mended_while_the_lease_is_ours(tmp_path: Path) -> None:
    held = Held()
    mine = MemoryLease(held, A, ttl_s=60.0)
    await mine.inspect()
    await mine.take()
    mended = asyncio.Event()

    async def mend() -> None:
        mended.set()

    term = Term(1, begun=held.uptime(), ttl_s=60.0)
    keeper = Keeper(lease=mine, term=term, mend=mend, handover=Handover(tmp_path))
    task = asyncio.create_task(keeper.keep())
    term.doubted.set()
    await asyncio.wait_for(mended.wait(), 60)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_without_an_answer_the_holder_waits_and_keeps_the_lease_when_it_comes(
    tmp_path: Path, uptime: Clock
) -> None:
    held = Held(uptime=uptime)
    mine = Unreachable(held, A, ttl_s=TTL_S)
    await mine.inspect()
    await mine.take()
    term = Term(1, begun=uptime(), ttl_s=TTL_S, uptime=uptime)
    keeper = Keeper(lease=mine, term=term, mend=nothing, handover=Handover(tmp_path))
    task = asyncio.create_task(keeper.keep())
    uptime.now += 2 * TTL_S
    await until(lambda: keeper.is_late)
    assert not term.may_act()
    assert not term.is_lost
    mine.is_away = False
    await until(term.may_act)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_without_an_answer_the_folder_is_given_to_a_standby_that_asks_for_it(
    tmp_path: Path,
) -> None:
    held = Held()
    mine = Unreachable(held, A, ttl_s=TTL_S)
    await mine.inspect()
    await mine.take()
    Handover(tmp_path).want()  # of a standby that is gone: it asked before
    term = Term(1, begun=held.uptime(), ttl_s=TTL_S)
    keeper = Keeper(lease=mine, term=term, mend=nothing, handover=Handover(tmp_path))
    task = asyncio.create_task(keeper.keep())
    await asyncio.sleep(3 * TTL_S)
    assert not task.done()
    Handover(tmp_path).want()
    with pytest.raises(LeaseLostError, match="a standby waits"):
        await asyncio.wait_for(task, 60)
