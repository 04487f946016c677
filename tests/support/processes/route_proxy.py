"""Carries the routes of a NATS cluster on loopback, so that a node can be cut off and joined."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Coroutine
from typing import Any

from stt_coordinator.local.servers.process import HOST, free_port

READ_BYTES = 64 * 1024
NAME = re.compile(rb'"server_name":"([^"]+)"')  # in the INFO with which each side begins


class RouteProxy:
    """A proxy before the route port of each node, in a thread of its own.

    A node dials the proxies of the others. What the dialling side sends first names it, so that a
    route is known by both of its ends.
    """

    def __init__(self, names: list[str]) -> None:
        self._held = [_held_port() for _ in range(2 * len(names))]
        ports = [held.getsockname()[1] for held in self._held]
        self.ports = dict(zip(names, ports, strict=False))  # that the others dial
        self.listens = dict(zip(names, ports[len(names) :], strict=True))  # of the node itself
        self._alone: set[str] = set()
        self._routes: dict[asyncio.Task[None], set[str]] = {}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="route-proxy")

    def start(self) -> None:
        """Listen on all ports."""
        self._thread.start()
        self._wait(self._listen())

    def cut(self, name: str) -> None:
        """End the routes between `name` and the others and refuse new ones, until `heal`."""
        self._wait(self._cut(name))

    def heal(self) -> None:
        """Let all routes be opened again."""
        self._alone.clear()

    def stop(self) -> None:
        """End all routes and the thread."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for held in self._held:
            held.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        for name, port in self.ports.items():

            def accepted(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str = name
            ) -> None:
                task = self._loop.create_task(self._carry(reader, writer, to))
                self._routes[task] = {to}
                task.add_done_callback(self._routes.pop)

            self._servers.append(await asyncio.start_server(accepted, HOST, port))

    async def _cut(self, name: str) -> None:
        self._alone.add(name)
        await self._end([task for task, ends in self._routes.items() if name in ends])

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        await self._end(list(self._routes))

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(
        self, dialled: asyncio.StreamReader, back: asyncio.StreamWriter, to: str
    ) -> None:
        """Carry one route until an end closes it or it is cut."""
        ends = [back]
        mine = asyncio.current_task()
        assert mine is not None
        try:
            reader, writer = await asyncio.open_connection(HOST, self.listens[to])
            ends.append(writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pour(reader, back))
                first = b""
                while not (found := NAME.search(first)):
                    first += (data := await dialled.read(READ_BYTES))
                    if not data:
                        raise ConnectionError("closed")
                self._routes[mine].add(found[1].decode())
                if self._alone & self._routes[mine]:
                    raise ConnectionError("cut")
                writer.write(first)
                await _pour(dialled, writer)
                raise ConnectionError("closed")
        except* OSError:
            pass
        finally:
            for end in ends:
                end.close()
            for end in ends:
                with contextlib.suppress(OSError):
                    await end.wait_closed()


def _held_port() -> socket.socket:
    """A port of loopback that nobody else finds free while a node is not there yet, or restarts.

    It is bound, not listened on: a server that sets SO_REUSEADDR, as all here do, can have it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, free_port()))
    return held


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    while data := await source.read(READ_BYTES):
        into.write(data)
        await into.drain()
    raise ConnectionError("closed")
