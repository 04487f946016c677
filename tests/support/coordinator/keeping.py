"""A worker of tests whose results go through the outbox and the sender of the product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Result
from stt_worker.outbox.sender import Sender
from stt_worker.outbox.sqlite import SqliteOutbox, open_outbox
from tests.support.coordinator.coordination import FakeWorker, until

TARGETS = (("t1", Family.MYSQL), ("t2", Family.MYSQL))


@dataclass
class KeepingWorker(FakeWorker):
    """A worker whose results are numbered, kept and sent by the outbox of the product."""

    outbox: SqliteOutbox = field(kw_only=True)
    sender: Sender = field(kw_only=True)

    async def publish(self, message: Outgoing) -> None:
        row = await self.outbox.append(codec.decode(Result, message.data))
        await self.sender.publish(row)


@asynccontextmanager
async def keeping(bus: JetStreamBus, folder: Path) -> AsyncGenerator[KeepingWorker]:
    """The worker, whose outbox follows the watermark; it takes jobs once it is `at_work`."""
    await bus.ensure(subjects.STREAMS, ())  # the worker may be at work before a coordinator
    outbox = await open_outbox(folder)
    sender = Sender(bus=bus, outbox=outbox, worker="w1", expected=lambda: 0)
    tasks = [asyncio.create_task(one()) for one in (sender.run, sender.follow_watermark)]
    try:
        yield KeepingWorker(
            bus=bus, epoch=outbox.epoch, targets=TARGETS, outbox=outbox, sender=sender
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await outbox.close()


async def empty(worker: KeepingWorker) -> None:
    await until(lambda: worker.outbox.size == 0)
