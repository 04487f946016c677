"""Streams stay usable: room is made below what is acknowledged, and no subject stays occupied."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from tests.support.processes.brokers import flip_bits

LIMIT = 1 << 20
SEED = 20261130
RESULTS = StreamSpec(name="R", subjects=("r.>",), max_bytes=LIMIT)
READER = ConsumerSpec(stream="R", name="reader")
QUEUE = StreamSpec(
    name="J",
    subjects=("j.>",),
    retention="workqueue",
    max_bytes=LIMIT,
    max_msgs_per_subject=1,
    discard_new_per_subject=True,
    allow_direct=True,
)
JOBS = ConsumerSpec(stream="J", name="jobs", filter_subject="j.a.>")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A nats-server of the test's own."""
    broker = embedded_nats.start(tmp_path / "nats")
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
async def bus(server: Running) -> AsyncIterator[JetStreamBus]:
    found = await connect(NatsOptions(servers=(server.url,)))
    yield found
    await found.close()


def message(number: int, size: int = 1 << 14) -> Outgoing:
    return Outgoing(subject=f"r.{number}", data=b"x" * size)


async def test_results_that_fill_the_stream_make_room_after_they_are_acknowledged_and_not_before(
    bus: JetStreamBus,
) -> None:
    await bus.ensure([RESULTS], [READER])
    number = 0
    while (await bus.publish([message(number)]))[0].publication is Publication.STORED:
        number += 1
    assert number > 50
    assert await bus.trim(READER) == 0
    async with bus.consume("R", "reader", capacity=256) as inbox:
        first = await inbox.take(5, wait=30)
        await inbox.ack(first)
        await asyncio.sleep(0.1)
        assert await bus.trim(READER) == len(first)
        taken = len(first)
        while found := await inbox.take(256, wait=1):
            await inbox.ack(found)
            taken += len(found)
    assert taken == number
    assert await bus.trim(READER) > number // 4
    assert await bus.trim(READER) == 0
    (receipt,) = await bus.publish([message(number)])
    assert receipt.publication is Publication.STORED


async def test_a_job_that_no_consumer_will_deliver_again_frees_its_subject(
    bus: JetStreamBus,
) -> None:
    once = replace(JOBS, max_deliver=1, ack_wait=timedelta(seconds=1))
    await bus.ensure([QUEUE], [once])
    job, other = Outgoing(subject="j.a.t1", data=b"1"), Outgoing(subject="j.b.t1", data=b"1")
    await bus.publish([other, job])
    async with bus.consume("J", "jobs", capacity=1) as inbox:
        assert len(await inbox.take(1, wait=30)) == 1
        # Its only delivery ends before it is given back: the message stays, and nobody gets it.
        await asyncio.sleep(2.5)
    (receipt,) = await bus.publish([replace(job, data=b"2")])
    assert receipt.publication is Publication.OCCUPIED
    assert await bus.free(JOBS) == ("j.a.t1",)
    receipts = await bus.publish([replace(job, data=b"3"), replace(other, data=b"2")])
    assert [one.publication for one in receipts] == [Publication.STORED, Publication.OCCUPIED]
    assert await bus.free(JOBS) == ()


async def test_a_queue_with_a_message_that_the_server_cannot_read_is_emptied_and_usable_again(
    server: Running,
) -> None:
    jobs = [Outgoing(subject=f"j.a.t{number}", data=b"x" * 300) for number in range(60)]
    names = [one.subject for one in jobs]
    first = await connect(NatsOptions(servers=(server.url,)))
    await first.ensure([QUEUE], [JOBS])
    await first.publish(jobs)
    assert await first.free(JOBS, names) == (), "a queue that can be read stays as it is"
    await first.close()
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    assert flip_bits(server, dice, "jetstream/*/streams/J/msgs/*.blk")
    bus = await connect(NatsOptions(servers=(server.url,)))
    stuck = [name for name in names if await bus.last("J", name) is None]
    receipts = await bus.publish([replace(job, data=b"again") for job in jobs])
    assert {one.publication for one in receipts} == {Publication.OCCUPIED}
    assert await bus.free(JOBS) == (), "the server does not tell by itself"
    assert await bus.free(JOBS, names) == tuple(sorted(stuck))
    receipts = await bus.publish([replace(job, data=b"again") for job in jobs])
    assert {one.publication for one in receipts} == {Publication.STORED}
    async with bus.consume("J", "jobs", capacity=100) as inbox:
        taken = 0
        while taken < len(jobs) and (found := await inbox.take(100, wait=30)):
            taken += len(found)
    assert taken == len(jobs)
    await bus.close()
