"""A message over the limit of a real nats-server stops no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol.specs import StreamSpec

STREAM = StreamSpec(name="LIMITED", subjects=("limited.>",), max_bytes=1 << 24)
STORED = Publication.STORED
ROOM_BYTES = 200  # for the headers of a message that fits


@pytest.fixture
async def bus(nats_server: Running) -> AsyncIterator[JetStreamBus]:
    connected = await connect(NatsOptions(servers=(nats_server.url,)))
    yield connected
    await connected.close()


async def test_a_message_that_the_server_does_not_take_stops_no_other(bus: JetStreamBus) -> None:
    peer = bus.peer()
    assert peer is not None
    await bus.ensure([STREAM], [])
    receipts = await bus.publish(
        [
            Outgoing(subject="limited.a", data=b"a"),
            Outgoing(subject="limited.large", data=b"x" * (peer.max_payload + 1)),
            Outgoing(subject="limited.b", data=b"b"),
        ]
    )
    assert [one.publication for one in receipts] == [STORED, Publication.FAILED, STORED]
    assert f"the limit of the server is {peer.max_payload}" in receipts[1].reason
    fits = b"x" * (peer.max_payload - ROOM_BYTES)
    (receipt,) = await bus.publish([Outgoing(subject="limited.c", data=fits, message_id="1")])
    assert receipt.publication is STORED
