"""Whether checks run is read and written without one undoing the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import StoreFullError
from stt_coordinator.tasks.control_state import SUBJECT, ControlStateWriter
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Stored
from stt_shared.errors import ProtocolError
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import ControlState
from tests.support.coordinator.pair import Link, LinkedStore

UNREADABLE = (b"{", b"\xff", b"[]", b'{"schema": "stt.job/v1"}', b"9" * 1_000_000)
NEWER = b'{"schema": "stt.control/v9"}'


class SlowReader(MemoryBus):
    """A bus whose first answer is read at once and handed over late."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def last(self, stream: str, subject: str) -> Stored | None:
        answer = await super().last(stream, subject)
        self.asked += 1
        if self.asked == 1:
            await self.may_answer.wait()
        return answer


async def writer(data: bytes, copy: ControlState | None) -> ControlStateWriter:
    """The writer of an installation whose control state on NATS is `data`."""
    bus, store = MemoryBus(MemoryBroker()), MemoryStore()
    await bus.ensure(subjects.STREAMS, [])
    await bus.publish([Outgoing(subject=SUBJECT, data=data)])
    if copy is not None:
        await store.transact(lambda ledger: ledger.fleet.put_control_state(copy, 1))
    return ControlStateWriter(bus, store)


def disabled(state: ControlState) -> ControlState:
    return msgspec.structs.replace(state, enabled=False, reason="stop")


@pytest.mark.parametrize("data", UNREADABLE)
async def test_an_unreadable_state_is_restored_from_the_store(data: bytes) -> None:
    copy = ControlState(enabled=True, by="ann", disabled_checks=("mysql_version",))
    state = await writer(data, copy)
    assert await state.refresh() == copy
    fresh = ControlStateWriter(state._bus, MemoryStore())
    assert await fresh.refresh() == copy


@pytest.mark.parametrize("data", UNREADABLE)
async def test_without_a_copy_an_unreadable_state_is_disabled(data: bytes) -> None:
    assert not (await (await writer(data, None)).refresh()).enabled


@pytest.mark.parametrize("data", [*UNREADABLE, NEWER])
async def test_disabling_works_whatever_state_it_finds(data: bytes) -> None:
    state = await writer(data, ControlState(enabled=True))
    assert await state.change(disabled, replace_newer=True)
    assert (await state.refresh()).reason == "stop"


async def test_nothing_else_replaces_what_a_newer_version_wrote() -> None:
    state = await writer(NEWER, ControlState(enabled=True))
    with pytest.raises(ProtocolError, match="v9"):
        await state.refresh()
    with pytest.raises(ProtocolError, match="v9"):
        await state.change(disabled)


async def test_what_a_newer_version_wrote_keeps_no_coordinator_from_its_start() -> None:
    state = await writer(NEWER, ControlState(enabled=True))
    await state.take_over()
    assert not state.state.enabled
    with pytest.raises(ProtocolError, match="v9"):
        await state.refresh()
    assert await state.change(disabled, replace_newer=True)
    assert (await state.refresh()).reason == "stop"


async def test_an_answer_read_before_a_change_does_not_undo_it() -> None:
    bus = SlowReader(MemoryBroker())
    await bus.ensure(subjects.STREAMS, [])
    switch = ControlStateWriter(bus, MemoryStore())
    looking = asyncio.create_task(switch.refresh())
    await asyncio.sleep(0)
    enabling = asyncio.create_task(
        switch.change(lambda state: msgspec.structs.replace(state, enabled=True))
    )
    for _ in range(20):
        await asyncio.sleep(0)
    bus.may_answer.set()
    async with asyncio.timeout(60):
        await looking
        assert await enabling
    assert switch.state.enabled


class StaleReader(MemoryBus):
    """A bus whose next answers are `stale`: of a replica that is behind."""

    stale: Stored | None = None

    async def last(self, stream: str, subject: str) -> Stored | None:
        return self.stale or await super().last(stream, subject)


async def shared(store: MemoryStore, broker: MemoryBroker) -> ControlStateWriter:
    bus = StaleReader(broker)
    await bus.ensure(subjects.STREAMS, [])
    return ControlStateWriter(bus, store, is_shared=True)


def with_reason(reason: str) -> Callable[[ControlState], ControlState]:
    return lambda state: msgspec.structs.replace(state, reason=reason)


async def kept(store: MemoryStore) -> str:
    found = await store.read(lambda ledger: ledger.fleet.control_state())
    return found.reason if found is not None else ""


async def test_the_copy_is_never_replaced_by_a_state_that_was_read_earlier() -> None:
    store, broker = MemoryStore(), MemoryBroker()
    one, link = await shared(store, broker), Link()
    slow = ControlStateWriter(MemoryBus(broker), LinkedStore(store.kept, link), is_shared=True)
    await one.change(with_reason("first"))
    await store.transact(lambda ledger: ledger.fleet.put_control_state(ControlState(), 0, 1))
    link.open.clear()
    late = asyncio.create_task(slow.refresh())
    await link.waits.wait()  # it has read "first", and its copy waits for a lock
    await one.change(with_reason("second"))
    assert await kept(store) == "second"
    link.open.set()
    await late
    assert await kept(store) == "second"


async def test_a_change_is_in_the_store_before_it_is_answered_and_recalled_by_the_next() -> None:
    store, broker = MemoryStore(), MemoryBroker()
    one, other = await shared(store, broker), await shared(store, broker)
    await one.change(with_reason("new"))
    await other.recall()
    assert other.state.reason == "new"


async def test_the_copy_follows_a_bucket_that_was_made_anew_and_counts_from_the_beginning() -> None:
    store = MemoryStore()
    one = await shared(store, MemoryBroker())
    for number in range(5):
        await one.change(with_reason(f"before {number}"))
    anew = MemoryBroker()  # the broker has lost its disks
    one, other = await shared(store, anew), await shared(store, anew)
    assert (await one.refresh()).reason == "before 4"
    await one.change(with_reason("after"))
    assert await kept(store) == "after"
    assert (await other.refresh()).reason == "after"
    # A copy that was read before the loss, and is committed after it, is mended.
    before = ControlState(reason="before 5")
    await store.transact(lambda ledger: ledger.fleet.put_control_state(before, 6))
    assert (await other.refresh()).reason == "after"
    assert await kept(store) == "after"


@pytest.mark.parametrize("is_full", [False, True])
async def test_after_a_lost_bucket_the_older_copy_never_counts_as_newer(*, is_full: bool) -> None:
    store = MemoryStore()
    one = await shared(store, MemoryBroker())
    for number in range(5):
        await one.change(with_reason(f"before {number}"))
    anew, link = MemoryBroker(), Link()
    other = await shared(store, anew)
    one = ControlStateWriter(MemoryBus(anew), LinkedStore(store.kept, link), is_shared=True)
    link.is_full = is_full  # then the copy cannot follow at once
    with suppress(StoreFullError):
        await one.refresh()
    link.is_full = False
    await other.refresh()
    await other.recall()
    link.open.clear()  # the copy waits for a lock
    changing = asyncio.create_task(one.change(with_reason("after")))
    await link.waits.wait()
    assert (await store.read(one.newest)).reason == "after"
    link.open.set()
    await changing
    await other.recall()
    assert other.state.reason == "after"


async def test_a_replica_that_is_behind_undoes_nothing() -> None:
    store, broker = MemoryStore(), MemoryBroker()
    one, other = await shared(store, broker), await shared(store, broker)
    await one.change(with_reason("first"))
    bus = other._bus
    assert isinstance(bus, StaleReader)
    bus.stale = await bus.last(subjects.kv_stream(subjects.BUCKET_CONTROL), SUBJECT)
    await one.change(with_reason("second"))
    assert (await other.refresh()).reason == "second"
    assert await kept(store) == "second"
    assert await other.change(lambda state: msgspec.structs.replace(state, by=state.reason))
    bus.stale = None
    assert (await one.refresh()).by == "second"


async def test_disabling_works_while_the_store_is_away() -> None:
    store, broker = MemoryStore(), MemoryBroker()
    one, link = await shared(store, broker), Link()
    await one.change(lambda state: msgspec.structs.replace(state, enabled=True))
    away = ControlStateWriter(MemoryBus(broker), LinkedStore(store.kept, link), is_shared=True)
    link.is_cut = True
    assert await away.change(disabled, replace_newer=True)
    assert not (await one.refresh()).enabled
    assert await kept(store) == "stop"
