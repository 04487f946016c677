"""A line between one process and a NATS server: it can be cut, be slow, and break."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stt_coordinator.local.servers.process import HOST

BLOCK_BYTES = 16_384
STOP_S = 30.0


@dataclass(kw_only=True)
class Quality:
    """What a line does with each block that it carries."""

    delay_s: tuple[float, float] = (0.0, 0.0)  # between these
    resets: float = 0.0  # the share of blocks at which the connection is reset
    bytes_per_s: float = 0.0  # 0: no limit


@dataclass(kw_only=True)
class Line:
    """A proxy in a thread of its own, so that a test may block; `port` is where it listens."""

    target: int
    dice: random.Random = field(default_factory=random.Random)
    port: int = 0
    quality: Quality = field(default_factory=Quality)
    connections: int = 0
    resets: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _carried: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _is_whole: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The address that the process is given in place of the server's."""
        return f"nats://{HOST}:{self.port}"

    def cut(self) -> None:
        """Hold back everything, also of new connections, until `heal`: nobody gets an error."""
        self._loop.call_soon_threadsafe(self._is_whole.clear)

    def heal(self) -> None:
        """Let out what was held back."""
        self._loop.call_soon_threadsafe(self._is_whole.set)

    def wait(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a piece of work in the thread of the line."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S)

    def run(self) -> None:
        """What the thread does."""
        self._loop.run_forever()

    async def listen(self) -> None:
        """Begin to accept connections."""
        self._is_whole.set()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = self._loop.create_task(self._carry(reader, writer))
            self._carried.add(task)
            task.add_done_callback(self._carried.discard)

        self._server = await asyncio.start_server(accepted, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End the listener, all connections, and then the loop."""
        assert self._server is not None
        self._server.close()
        tasks = list(self._carried)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn
        self._loop.call_soon(self._loop.stop)

    def end(self) -> None:
        """After the thread has ended."""
        self._loop.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            back, forth = await asyncio.open_connection(HOST, self.target)
            ends.append(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pour(reader, forth))
                group.create_task(self._pour(back, writer))
        except* OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _pour(self, source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        while data := await source.read(BLOCK_BYTES):
            await self._is_whole.wait()
            quality = self.quality
            if self.dice.random() < quality.resets:
                self.resets += 1
                raise ConnectionResetError("as the test wants it")
            pause_s = self.dice.uniform(*quality.delay_s)
            if quality.bytes_per_s:
                pause_s += len(data) / quality.bytes_per_s
            await asyncio.sleep(pause_s)
            into.write(data)
            await into.drain()
        raise ConnectionError("closed")


@contextmanager
def line_to(port: int, dice: random.Random | None = None) -> Iterator[Line]:
    """A line to the server on `port` of loopback; all its connections end with the block."""
    line = Line(target=port, dice=dice or random.Random(0))  # noqa: S311  # repeatable, no secret
    thread = threading.Thread(target=line.run, name="line")
    thread.start()
    try:
        line.wait(line.listen())
        yield line
    finally:
        with contextlib.suppress(TimeoutError):
            line.wait(line.close())
        thread.join(STOP_S)
        line.end()
