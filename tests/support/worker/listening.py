"""Servers on loopback that hang or answer nonsense, and a port where nobody listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.servers.listeners import listening, silence


@asynccontextmanager
async def hanging(visits: list[object] | None = None) -> AsyncIterator[int]:
    """A server that accepts connections, remembers them in `visits`, and says nothing."""
    async with _server(([] if visits is None else visits).append) as port:
        yield port


@asynccontextmanager
async def lying() -> AsyncIterator[int]:
    """A server that speaks another protocol."""
    async with _server(lambda writer: writer.write(b"HTTP/1.1 418 I'm a teapot\r\n\r\n")) as port:
        yield port


@asynccontextmanager
async def _server(say: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say(writer)
        await silence(reader, writer)

    async with listening(serve) as port:
        yield port


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
