"""Servers that misbehave: they say nothing, nonsense, or stop in the middle of a conversation."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BLOCK_BYTES = 64 * 1024


@asynccontextmanager
async def listening(
    handler: Handler, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The port of a server whose every connection is `handler`'s; all are ended afterwards."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(one, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    del writer
    while await reader.read(BLOCK_BYTES):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and go."""
    del reader, writer


def saying(words: bytes) -> Handler:
    """Say `words` at once, then nothing more."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await silence(reader, writer)

    return handler


def dripping(words: bytes, seconds: float = 0.02) -> Handler:
    """Say `words` one byte at a time, again and again."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        while True:
            for byte in words:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(seconds)

    return handler


@dataclass
class Proxy:
    """Hands everything on to a server until it is frozen; then nothing comes back any more."""

    host: str
    port: int
    frozen: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self.host, self.port)
        try:
            await asyncio.gather(self._hand_on(reader, forth), self._hand_on(back, writer))
        finally:
            forth.transport.abort()

    async def _hand_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(BLOCK_BYTES):
            if not self.frozen.is_set():
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
