"""nats-py for tests: a connection that is closed in any case, and all messages of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import ServiceUnavailableError

from stt_shared import clock

PAGE = 500  # messages
FETCH_S = 60.0
POLL_S = 0.1


@asynccontextmanager
async def one_connection(servers: str | list[str], **options: Any) -> AsyncGenerator[Client]:
    """A connection that is tried once and not again; raises what nats-py raises."""
    client = Client()
    try:
        await client.connect(servers, allow_reconnect=False, **options)
        yield client
    finally:
        # nats.connect() leaves the socket of a refused log-in open, for the next test to warn of.
        await client.close()


async def everything(connection: Client, stream: str) -> list[Msg]:
    """Every message that a stream has now, read in large pages."""
    jetstream = connection.jetstream()
    wanted = (await jetstream.stream_info(stream)).state.messages
    reader = await jetstream.pull_subscribe(
        ">", stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
    )
    found: list[Msg] = []
    deadline = clock.monotonic() + FETCH_S
    # The server counts messages that it cannot read any more, and delivers none of them.
    while len(found) < wanted and await _has_more(reader):
        try:
            found += await reader.fetch(min(PAGE, wanted - len(found)), timeout=FETCH_S)
        except ServiceUnavailableError:
            # In a cluster the node of a consumer that was made just now may not answer yet.
            if clock.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_S)
    return found


async def _has_more(reader: JetStreamContext.PullSubscription) -> bool:
    return bool(reader.pending_msgs or (await reader.consumer_info()).num_pending)
