"""Whether checks run is read and written without one undoing the other."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.control_state import SUBJECT, ControlStateWriter
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Stored
from stt_shared.errors import ProtocolError
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import ControlState

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
        await store.transact(lambda ledger: ledger.fleet.put_control_state(copy))
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
