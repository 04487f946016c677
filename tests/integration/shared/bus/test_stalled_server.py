"""A server that accepts connections and does not go on is an unreachable one, in bounded time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared import clock, connection
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect, link
from stt_shared.connection import Progress
from stt_shared.errors import UnreachableError
from tests.servers.listeners import listening, silence

LIMIT_S = 50.0  # each attempt has limits of 2 to 10 s; the machine may be busy
INFO = b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true}\r\n'


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Running]:
    """A nats-server of the test's own, which it may stop."""
    running = embedded_nats.start(tmp_path / "nats")
    try:
        yield running
    finally:
        resume(running)
        running.stop()


def stop(broker: Running) -> None:
    assert broker.child is not None
    os.kill(broker.child.pid, signal.SIGSTOP)


def resume(broker: Running) -> None:
    assert broker.child is not None
    os.kill(broker.child.pid, signal.SIGCONT)


@asynccontextmanager
async def mute_server(greeting: bytes) -> AsyncGenerator[str]:
    """The address of a server that accepts, sends `greeting` and is silent from then on.

    At the end it waits until every client has closed its connection.
    """
    ended: list[asyncio.Event] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(end := asyncio.Event())
        writer.write(greeting)
        with suppress(ConnectionError):
            await silence(reader, writer)
        end.set()

    async with listening(accept) as port:
        yield f"nats://127.0.0.1:{port}"
        async with asyncio.timeout(LIMIT_S):
            for end in ended:
                await end.wait()


@pytest.mark.parametrize(
    "greeting", [b"", INFO, INFO + b"PONG\r\n"], ids=["nothing", "info", "pong"]
)
async def test_a_server_that_stalls_at_the_start_is_unreachable_in_bounded_time(
    greeting: bytes,
) -> None:
    begun = clock.monotonic()
    async with mute_server(greeting) as url:
        with pytest.raises(UnreachableError):
            await connect(NatsOptions(servers=(url,), timeout_s=2))
    assert clock.monotonic() - begun < LIMIT_S


async def nothing() -> None:
    """The work of a service that works."""


async def watched(bus: JetStreamBus, *, turns: int) -> None:
    """Wait until the connection was tried again that often, each time after less than STALLED_S."""
    last = bus.stalled_s()
    async with asyncio.timeout(LIMIT_S):
        while turns:
            await asyncio.sleep(0.02)
            turns -= (now := bus.stalled_s()) < last
            last = now


async def ended(progress: Progress) -> None:
    """Ask as the watchdog does, until it raises."""
    while True:
        await progress()
        await asyncio.sleep(0.05)


async def test_a_client_that_does_not_come_back_from_a_frozen_server_is_what_the_watchdog_ends(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await connect(NatsOptions(servers=(broker.url,), timeout_s=2))
    progress = Progress(nothing)
    progress.bus = bus
    monkeypatch.setattr(connection, "STALLED_S", 4.0)
    hanging = asyncio.Event()

    async def hang(_client: object) -> None:
        hanging.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(link, "flush", hang)
    stop(broker)
    async with asyncio.timeout(LIMIT_S):
        await hanging.wait()
        await progress()
        with pytest.raises(OSError, match=r"the connection to NATS has hung for \d s"):
            await ended(progress)
    resume(broker)
    await bus.close()


async def test_a_frozen_server_makes_every_call_of_the_bus_unreachable_and_comes_back(
    broker: Running,
) -> None:
    bus = await connect(NatsOptions(servers=(broker.url,), timeout_s=2))
    stop(broker)
    with pytest.raises(UnreachableError):
        async with asyncio.timeout(LIMIT_S), bus.listen("a.>"):
            pass
    with pytest.raises(UnreachableError):
        async with asyncio.timeout(LIMIT_S), bus.serve({}):
            pass
    with pytest.raises(UnreachableError):
        async with asyncio.timeout(LIMIT_S):
            await connect(NatsOptions(servers=(broker.url,), timeout_s=2))
    # The watchdog: a client that tries again goes on, since a restart of the service mends nothing.
    assert bus.peer() is None
    await watched(bus, turns=1)
    progress = Progress(nothing)
    progress.bus = bus
    await progress()
    resume(broker)
    async with asyncio.timeout(60):
        while True:
            try:
                async with bus.listen("a.>"):
                    break
            except UnreachableError:
                await asyncio.sleep(0.5)
    await bus.close()
