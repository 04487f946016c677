"""Whether checks run is read and written without one undoing the other."""

from __future__ import annotations

import asyncio

import msgspec

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Stored
from stt_shared.protocol import subjects


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
    async with asyncio.timeout(10):
        await looking
        assert await enabling
    assert switch.state.enabled
