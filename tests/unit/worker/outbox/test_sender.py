"""Results are published together, until confirmed, and again when the store does not get them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Receipt
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import OutboxMark, Result, Watermark
from stt_worker.outbox import sender as sending
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.sender import Sender
from tests.support.worker.fakes import AT, until


class CountingBus(MemoryBus):
    """Remembers how many messages travelled together."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.sizes: list[int] = []

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        self.sizes.append(len(messages))
        return await super().publish(messages)


def result(number: int) -> Result:
    return Result(
        job_id=f"run.t{number}",
        run_id="run",
        dispatch=1,
        execution="1-1-1",
        target=f"t{number}",
        family=Family.MYSQL,
        site="default",
        worker="w1",
        sequence=0,
        epoch="",
        started=AT,
        finished=AT,
        outcomes=(),
    )


@asynccontextmanager
async def running(sender: Sender, *, keep: bool = False) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(sender.run())]
    if keep:
        tasks.append(asyncio.create_task(sender.follow_watermark()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def broker_with_streams() -> MemoryBroker:
    broker = MemoryBroker()
    await broker.connect().ensure(subjects.STREAMS, [])
    return broker


def stored(broker: MemoryBroker) -> list[int]:
    kept = broker.streams[subjects.STREAM_RESULTS].messages.values()
    return [codec.decode(Result, one.data).sequence for one in kept]


async def test_results_of_jobs_under_way_travel_together() -> None:
    bus, outbox = CountingBus(await broker_with_streams()), MemoryOutbox()
    rows = [await outbox.append(result(n)) for n in range(8)]
    sender = Sender(bus=bus, outbox=outbox, worker="w1", expected=lambda: 0)
    async with running(sender):
        await asyncio.gather(*(sender.publish(row) for row in rows))
    assert bus.sizes == [8]


async def test_what_the_broker_did_not_store_is_published_until_it_is() -> None:
    broker = await broker_with_streams()
    outbox = MemoryOutbox()
    row = await outbox.append(result(1))
    sender = Sender(bus=broker.connect(), outbox=outbox, worker="w1", expected=lambda: 0)
    broker.down = True
    async with running(sender):
        confirming = asyncio.create_task(sender.publish(row))
        await asyncio.sleep(0.05)
        assert not confirming.done()
        broker.down = False
        await asyncio.wait_for(confirming, 60)
    assert stored(broker) == [1]


async def test_results_left_from_before_a_restart_are_published_at_the_start() -> None:
    broker, outbox = await broker_with_streams(), MemoryOutbox()
    for number in range(3):
        await outbox.append(result(number))
    sender = Sender(bus=broker.connect(), outbox=outbox, worker="w1", expected=lambda: 0)
    async with running(sender, keep=True):
        await until(lambda: stored(broker) == [1, 2, 3])
    assert outbox.size == 3


async def test_covered_results_go_and_lost_ones_are_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "WATERMARK_EVERY_S", 0.01)
    monkeypatch.setattr(sending, "STALLED_S", 0.05)
    broker, outbox = await broker_with_streams(), MemoryOutbox()
    for number in range(3):
        await outbox.append(result(number))
    sender = Sender(bus=broker.connect(), outbox=outbox, worker="w1", expected=lambda: 0)
    async with running(sender, keep=True):
        await until(lambda: stored(broker) == [1, 2, 3])
        results = broker.streams[subjects.STREAM_RESULTS]
        results.messages.clear()  # as a broker that lost its disk
        results.ids.clear()
        await publish_watermark(broker, outbox, 1)
        await until(lambda: outbox.size == 2)
        await until(lambda: stored(broker) == [2, 3])
        await publish_watermark(broker, outbox, 3)
        await until(lambda: outbox.size == 0)


async def publish_watermark(broker: MemoryBroker, outbox: MemoryOutbox, sequence: int) -> None:
    mark = Watermark(worker="w1", epoch=outbox.epoch, sequence=sequence)
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    await broker.connect().publish([Outgoing(subject=subject, data=codec.encode(mark))])


async def test_two_workers_of_one_name_each_empty_their_outbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "WATERMARK_EVERY_S", 0.01)
    broker, first, second = await broker_with_streams(), MemoryOutbox(), MemoryOutbox()
    for outbox in (first, second):
        await outbox.append(result(1))
    one, other = (
        Sender(bus=broker.connect(), outbox=outbox, worker="w1", expected=lambda: 0)
        for outbox in (first, second)
    )
    others = (OutboxMark(epoch=first.epoch, sequence=1),)
    mark = Watermark(worker="w1", epoch=second.epoch, sequence=1, others=others)
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    await broker.connect().publish([Outgoing(subject=subject, data=codec.encode(mark))])
    async with running(one, keep=True), running(other, keep=True):
        await until(lambda: first.size == second.size == 0)
