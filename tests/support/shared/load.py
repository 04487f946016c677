"""A load of numbered messages, to change how its connection logs in meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import subjects

EVERY_S = 0.05
BACK_S = 60.0


class Load:
    """Publishes numbered messages; one that is not stored is published again."""

    def __init__(self, bus: JetStreamBus) -> None:
        self._bus = bus
        self.stored = 0

    async def run(self) -> None:
        while True:
            number = self.stored + 1
            message = Outgoing(
                subject=subjects.tick("load", str(number)), data=b"{}", message_id=str(number)
            )
            (receipt,) = await self._bus.publish([message])
            if receipt.publication in (Publication.STORED, Publication.DUPLICATE):
                self.stored = number
            await asyncio.sleep(EVERY_S)

    async def more(self) -> None:
        """Wait until messages are stored again."""
        before = self.stored
        async with asyncio.timeout(BACK_S):
            while self.stored < before + 3:  # noqa: ASYNC110  # a counter, no event
                await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def loaded(options: NatsOptions) -> AsyncGenerator[tuple[JetStreamBus, Load]]:
    bus = await connect(options)
    await bus.ensure([one for one in subjects.STREAMS if one.name == subjects.STREAM_TICKS], [])
    load = Load(bus)
    task = asyncio.create_task(load.run())
    try:
        await load.more()
        yield bus, load
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(BACK_S):
        while not holds():  # noqa: ASYNC110  # what it looks at has no event
            await asyncio.sleep(EVERY_S)


def options(url: str, **more: Any) -> NatsOptions:
    return NatsOptions(servers=(url,), name="load", timeout_s=2, **more)
