"""Streams stay usable: room is made below what is acknowledged, and no subject stays occupied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec

LIMIT = 1 << 20
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
async def bus(tmp_path: Path) -> AsyncIterator[JetStreamBus]:
    """The bus on a nats-server of the test's own."""
    broker = embedded_nats.start(tmp_path / "nats")
    try:
        found = await connect(NatsOptions(servers=(broker.url,)))
        yield found
        await found.close()
    finally:
        broker.stop()


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
    await asyncio.sleep(2.5)  # its only delivery is over: the message stays, and nobody gets it
    (receipt,) = await bus.publish([replace(job, data=b"2")])
    assert receipt.publication is Publication.OCCUPIED
    assert await bus.free(JOBS) == ("j.a.t1",)
    receipts = await bus.publish([replace(job, data=b"3"), replace(other, data=b"2")])
    assert [one.publication for one in receipts] == [Publication.STORED, Publication.OCCUPIED]
    assert await bus.free(JOBS) == ()
