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
# Of the loop, until a connection that the kernel had accepted has its transport.
TURNS_OF_ACCEPTING = 5


@asynccontextmanager
async def listening(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    socket: str = "",
) -> AsyncIterator[int]:
    """The port of a server whose every connection is `handler`'s; all are ended afterwards.

    With `socket` it listens on that path, and the port is 0.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)

    # Not a coroutine: the connection is known, and closed by the callback, although the test
    # ends before its task has run for the first time.
    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.transport.abort())

    if socket:
        server = await asyncio.start_unix_server(accepted, socket)
    else:
        server = await asyncio.start_server(accepted, host, port, ssl=tls)
    try:
        yield 0 if socket else server.sockets[0].getsockname()[1]
    finally:
        # A server that is closed while a connection is half accepted never closes its socket: take
        # no more, let those under way become transports, then close.
        for listener in server.sockets:
            asyncio.get_running_loop().remove_reader(listener)
        for _ in range(TURNS_OF_ACCEPTING):
            await asyncio.sleep(0)
        server.close()
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn
    for end in ends:
        if isinstance(end, Exception):
            raise end


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
