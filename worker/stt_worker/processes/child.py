"""A forked child, seen from its parent."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from stt_worker.processes.fork_server import EXIT_BROKEN, EXIT_MEMORY, address_space
from stt_worker.processes.frames import Link


class SpawnError(Exception):
    """No child can be started: the fork server does not start, or the system cannot fork."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of a child; None is the limit of the parent."""

    memory_bytes: int | None = None  # of address space, above its initial size
    cpu_s: int | None = None  # in total


End = Callable[[int], "asyncio.Future[int]"]


class Child:
    """A process and the link to it. After `end` its pid may belong to another process."""

    def __init__(self, pid: int, link: socket.socket, end: End) -> None:
        self.pid = pid
        self._socket = link
        self._link = Link(link)
        self._end = end
        self._ended: asyncio.Future[int] | None = None

    async def send(self, *parts: bytes) -> None:
        """Send one frame of all `parts`; raises FrameError if the child is gone."""
        await self._link.send(*parts)

    async def receive(self) -> bytes:
        """The next frame; raises FrameError if the child is gone."""
        return await self._link.receive()

    @property
    def has_ended(self) -> bool:
        """Whether `end` was called; then its pid may belong to another process."""
        return self._ended is not None

    @property
    def is_idle(self) -> bool:
        """Whether it lives and has sent nothing unread; valid between two jobs only."""
        if self._ended is not None or self._link.has_unread:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # closed, or an unexpected message

    def limit_memory(self, more_bytes: int) -> None:
        """Limit the growth of the child's address space from now on; no effect after `end`."""
        if self._ended is None:
            limit = address_space(self.pid) + more_bytes
            resource.prlimit(self.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    def end(self) -> asyncio.Future[int]:
        """Kill the child; the future has its exit code, negative for a signal, once reaped."""
        if self._ended is None:
            self._link.close()
            self._ended = self._end(self.pid)
        return asyncio.shield(self._ended)


def reason(status: int) -> str:
    """Why a child with this exit code has ended."""
    if status == EXIT_MEMORY:
        return "it exceeded its memory limit"
    if status == -signal.SIGXCPU:
        return "it exceeded its limit of CPU time"
    if status == EXIT_BROKEN:
        return "its function failed"
    return f"it ended with {signal.Signals(-status).name if status < 0 else status}"
