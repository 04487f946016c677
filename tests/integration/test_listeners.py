"""A misbehaving server of the tests leaves no socket behind, whenever its block ends."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from tests.servers.listeners import TURNS_OF_ACCEPTING, listening, silence


async def _visit(turns: int) -> None:
    async with listening(silence) as port:
        client = socket.create_connection(("127.0.0.1", port))
        for _ in range(turns):
            await asyncio.sleep(0)
    client.close()


@pytest.mark.parametrize("turns", range(2 * TURNS_OF_ACCEPTING))
def test_a_listener_that_ends_while_it_accepts_leaves_no_socket(turns: int) -> None:
    asyncio.run(_visit(turns))
    gc.collect()  # a socket that was left open is a warning here, and so an error


async def test_a_handler_that_fails_fails_its_test() -> None:
    async def handler(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise ValueError("of the handler")

    async def visit() -> None:
        async with listening(handler) as port:
            with socket.create_connection(("127.0.0.1", port)) as client:
                await asyncio.to_thread(client.recv, 1)

    with pytest.raises(ValueError, match="of the handler"):
        await visit()
