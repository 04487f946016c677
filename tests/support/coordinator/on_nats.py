"""A real nats-server for one test, and a coordinator on it with its store on the disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from tests.support.coordinator.coordination import running


@asynccontextmanager
async def connected(broker: Running) -> AsyncGenerator[JetStreamBus]:
    bus = await connect(NatsOptions(servers=(broker.url,), name="test"))
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def coordinating(bus: JetStreamBus, folder: Path) -> AsyncGenerator[None]:
    store = await open_store(folder)
    try:
        async with running(bus, store):
            yield
    finally:
        await store.close()
