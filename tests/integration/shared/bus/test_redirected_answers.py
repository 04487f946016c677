"""An answer of the server that was redirected to a control subject is not a request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client

from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Request
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec

STREAM = StreamSpec(name="REDIRECTED", subjects=("redirected.>",), max_bytes=1 << 20)
CONSUMER = ConsumerSpec(stream="REDIRECTED", name="empty")
CONTROL = "redirected-control.disable"


@pytest.fixture
async def bus(nats_server: Running) -> AsyncIterator[JetStreamBus]:
    connected = await connect(NatsOptions(servers=(nats_server.url,)))
    yield connected
    await connected.close()


@pytest.fixture
async def thief(nats_server: Running) -> AsyncIterator[Client]:
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


async def test_the_answer_to_a_pull_disables_nothing(bus: JetStreamBus, thief: Client) -> None:
    await bus.ensure([STREAM], [CONSUMER])
    asked: list[bytes] = []

    async def disable(request: Request) -> bytes:
        asked.append(request.data)
        return b"done"

    async with bus.serve({CONTROL: disable}):
        pull = "$JS.API.CONSUMER.MSG.NEXT.REDIRECTED.empty"
        # The server answers 404 with an empty body, on the subject that the reply names.
        await thief.publish(pull, b'{"batch":1,"no_wait":true}', reply=CONTROL)
        await thief.publish(CONTROL, b"", headers={"Status": "404"})
        await thief.flush()
        answer = await thief.request(CONTROL, b"meant", timeout=10)
    assert answer.data == b"done"
    assert asked == [b"meant"]
