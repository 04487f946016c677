"""Three nats-servers are upgraded one after the other, while coordinators write through each.

`make nats-versions`. At each stage the connection is to each node, and each node leads the stream.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from nats.errors import Error as NatsError

from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from tests.servers import nats_versions
from tests.support.processes.cluster import NAMES, Cluster, clustered
from tests.support.shared.nats_client import one_connection

OLD = os.environ.get(nats_versions.CHOICE) or "2.11.11"
# The second takes batches from 2.12 on, and one message a subject.
STREAMS = {subjects.STREAM_EVENTS: "event.run", subjects.STREAM_JOBS: "job.mysql.eu"}
READY_S = 60.0
EACH = 3  # messages of one call: more than one is a batch, where the server knows batches


@dataclass
class Writer:
    """A coordinator after the other, each behind a fence of its own."""

    stream: str
    epoch: int = 0
    fence: int = 0
    stored: list[str] = field(default_factory=list[str])

    async def raise_fence(self, bus: JetStreamBus) -> int:
        """A new fence; returns the sequence of the one before."""
        before, self.epoch = self.fence, self.epoch + 1
        message = Outgoing(
            subject=subjects.fence(self.stream, self.epoch, 1),
            data=str(self.epoch).encode(),
            expected_last=before,
            expected_of=subjects.fences(self.stream),
        )
        async with asyncio.timeout(READY_S):
            while True:
                (receipt,) = await bus.publish([message])
                if receipt.publication is Publication.STORED:
                    self.fence = receipt.sequence
                    return before
                await asyncio.sleep(0.2)  # an election is under way

    def messages(self, behind: int) -> list[Outgoing]:
        names = [f"{self.epoch}-{number}" for number in range(EACH)]
        return [
            Outgoing(
                subject=f"{subjects.ROOT}.{STREAMS[self.stream]}.{name}",
                data=name.encode(),
                message_id=name,
                expected_last=behind,
                expected_of=subjects.fences(self.stream),
            )
            for name in names
        ]

    async def write(self, bus: JetStreamBus) -> None:
        """A deposed coordinator is refused; its successor stores the same messages, once."""
        before = await self.raise_fence(bus)
        late = await bus.publish(self.messages(before))
        assert {one.publication for one in late} == {Publication.CONFLICT}, late
        found = await bus.publish(self.messages(self.fence))
        assert {one.publication for one in found} == {Publication.STORED}, found
        again = await bus.publish(self.messages(self.fence))
        assert {one.publication for one in again} == {Publication.DUPLICATE}, again
        self.stored += [one.data.decode() for one in self.messages(0)]


@asynccontextmanager
async def through(cluster: Cluster, name: str) -> AsyncGenerator[JetStreamBus]:
    """A connection to one node alone."""
    options = NatsOptions(servers=(cluster.nodes[name].url,), name="test", replicas=3)
    bus = await connect(options)
    try:
        yield bus
    finally:
        await bus.close()


async def led_by(cluster: Cluster, stream: str, name: str) -> None:
    """Have `name` lead the stream."""
    body = f'{{"placement": {{"preferred": "{name}"}}}}'.encode()
    async with asyncio.timeout(READY_S):
        while True:
            with suppress(NatsError, TimeoutError, AssertionError):
                if await cluster.leader(stream) == name:
                    return
                async with one_connection(cluster.url.split(",")) as connection:
                    subject = f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}"
                    await connection.request(subject, body, timeout=2)
            await asyncio.sleep(0.3)


async def ensured(bus: JetStreamBus) -> tuple[str, ...]:
    """What a coordinator does every minute; returns what the servers lack."""
    async with asyncio.timeout(READY_S):
        while True:
            with suppress(UnreachableError):
                return await bus.ensure(subjects.STREAMS, ())
            await asyncio.sleep(0.3)


async def stored(cluster: Cluster, name: str) -> Counter[str]:
    """How often each message is in the stream."""
    found: Counter[str] = Counter()
    async with one_connection(cluster.url.split(",")) as connection:
        stream = connection.jetstream()
        state = (await stream.stream_info(name)).state
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg(name, sequence)
            if not (message.subject or "").startswith(f"{subjects.ROOT}.fence."):
                found[(message.data or b"").decode()] += 1
    return found


@pytest.mark.timeout(1_200)
async def test_each_message_is_stored_once_at_every_stage_of_a_rolling_upgrade(
    tmp_path: Path,
) -> None:
    writers = [Writer(stream) for stream in STREAMS]
    with clustered(tmp_path / "nats", binary=nats_versions.binary(OLD)) as cluster:
        await cluster.whole()
        for stage in range(len(NAMES) + 1):
            if stage:
                cluster.upgrade(NAMES[stage - 1], embedded_nats.find())
                await cluster.whole()
            lacks: set[str] = set()
            for name in NAMES:
                async with through(cluster, name) as bus:
                    lacks |= set(await ensured(bus))
            await cluster.in_step()
            for writer, leader in product(writers, NAMES):
                await led_by(cluster, writer.stream, leader)
                for name in NAMES:
                    async with through(cluster, name) as bus:
                        await writer.write(bus)
            print(f"{stage} of 3 upgraded from {OLD}: {sorted(lacks) or 'nothing'} lacking")
            for writer in writers:
                assert await stored(cluster, writer.stream) == Counter(writer.stored)
