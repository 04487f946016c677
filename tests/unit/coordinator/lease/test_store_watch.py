"""A store counts as out of reach once it answers nothing, and not while its sessions are busy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from stt_coordinator.lease.fenced_store import FencedStore, StoreWatch
from stt_coordinator.lease.term import Term
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_shared import clock

T = TypeVar("T")
CUT_OFF_S = 0.05


class BusyStore(MemoryStore):
    """A store in which a read waits for a session as long as pages are `ahead` of it."""

    ahead = False

    async def read(self, work: Callable[[Ledger], T]) -> T:
        if self.ahead:
            await asyncio.Event().wait()
        return await super().read(work)


@pytest.mark.parametrize("is_page", [True, False])
async def test_a_store_that_answers_others_is_in_reach(
    monkeypatch: pytest.MonkeyPatch, *, is_page: bool
) -> None:
    now, busy = [clock.uptime()], BusyStore()
    monkeypatch.setattr(clock, "uptime", lambda: now[0])
    store = FencedStore(busy, Term(1, begun=now[0], ttl_s=60.0))
    watch = StoreWatch(store, CUT_OFF_S)
    now[0] += 1
    asked = store.read if is_page else store.transact
    await asked(lambda ledger: ledger.fleet.control_sequence())
    busy.ahead = True
    assert await watch.inspect() == ""
    now[0] += 1
    assert await watch.inspect() == "the store is out of reach for 1 s (it does not answer)"
    busy.ahead = False
    assert await watch.inspect() == ""
