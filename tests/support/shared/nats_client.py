"""One connection of nats-py to a server, closed also if it could not be made."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client


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
