"""A forked child as its parent sees it."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from stt_worker.processes.frames import Link
from stt_worker.processes.zygote import EXIT_BROKEN, EXIT_MEMORY, address_space


class NurseryError(Exception):
    """No child can be had: the zygote does not start, or the system forks no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a child may use; None: as much as the parent may."""

    memory_bytes: int | None = None  # of address space, above what it begins with
    cpu_s: int | None = None  # in its whole life


End = Callable[[int], "asyncio.Future[int]"]


class Child:
    """A process and the link to it. After `end` its number may be another process's."""

    def __init__(self, pid: int, link: socket.socket, end: End) -> None:
        self.pid = pid
        self._socket = link
        self._link = Link(link)
        self._end = end
        self._ended: asyncio.Future[int] | None = None

    async def send(self, *parts: bytes) -> None:
        """One frame of all `parts`; raises FrameError when the child is gone."""
        await self._link.send(*parts)

    async def receive(self) -> bytes:
        """The next frame; raises FrameError when the child is gone."""
        return await self._link.receive()

    @property
    def has_ended(self) -> bool:
        """Whether it was ended: its number may be another process's."""
        return self._ended is not None

    @property
    def is_idle(self) -> bool:
        """Whether it lives and has said nothing that was not read; to be asked between jobs."""
        if self._ended is not None or self._link.has_unread:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # an end, or a word that nobody waits for

    def limit_memory(self, more_bytes: int) -> None:
        """Let the child's address space grow by so much from now on; ended children are skipped."""
        if self._ended is None:
            limit = address_space(self.pid) + more_bytes
            resource.prlimit(self.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    def end(self) -> asyncio.Future[int]:
        """Kill it now; the exit code once it is reaped, negative for a signal."""
        if self._ended is None:
            self._link.close()
            self._ended = self._end(self.pid)
        return asyncio.shield(self._ended)


def reason(status: int) -> str:
    """Why a child of this exit code has ended, as a sentence about it."""
    if status == EXIT_MEMORY:
        return "it needed more memory than it may use"
    if status == -signal.SIGXCPU:
        return "it needed more CPU time than it may use"
    if status == EXIT_BROKEN:
        return "it broke"
    return f"it ended with {signal.Signals(-status).name if status < 0 else status}"
