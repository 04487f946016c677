"""One child process of the sandbox, seen from its parent: orders, ends and a watch."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from stt_worker.processes.child import Bounds, Child
from stt_worker.processes.child import reason as reason_of
from stt_worker.processes.frames import FrameError
from stt_worker.processes.spawner import Spawner
from stt_worker.sandbox.port import SCRIPT_MEMORY_BYTES
from stt_worker.sandbox.wire import MARK_BYTES, Hello, Order, Report, Stage, unmark

ENTRY = "stt_worker.sandbox.child:serve"
PRELOAD = ("stt_worker.sandbox.child",)
GRACE_S = 0.5  # after the time limit of a script its process is killed
CHECKS = 4  # of the mark within that time
ANSWER_FACTOR = 12  # bytes of memory per byte of an answer that is decoded and frozen
_ENCODER = msgspec.msgpack.Encoder()
_REPORT = msgspec.msgpack.Decoder(Report)
_HELLO = msgspec.msgpack.Decoder(Hello)


@dataclass(kw_only=True)
class Exchange:
    """The result of an order; if the child died, its stage then."""

    died: str = ""  # the reason, if it died
    stage: Stage = Stage.IDLE
    index: int = 0
    was_late: bool = False  # killed by the watch
    was_killed: bool = False  # by another process


class Kept:
    """A child with what it has received and the shared memory of its mark."""

    def __init__(self, child: Child, shared: mmap.mmap) -> None:
        self._child = child
        self._shared = shared
        self.known: set[str | int] = set()  # digests of scripts and releases, numbers of programs
        self.cpu_s = 0.0
        self.unfiltered = ""

    @classmethod
    async def started(cls, spawner: Spawner) -> Kept:
        """Start a child; raises SpawnError and FrameError."""
        descriptor = os.memfd_create("stt-sandbox-mark", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, MARK_BYTES)
            shared = mmap.mmap(descriptor, MARK_BYTES)
            child = await spawner.fork(ENTRY, Bounds(), (descriptor,))
        finally:
            os.close(descriptor)
        kept = cls(child, shared)
        try:
            kept.unfiltered = _HELLO.decode(await child.receive()).unfiltered
        except BaseException:
            kept.end()
            raise
        return kept

    @property
    def is_idle(self) -> bool:
        """Whether it can receive an order."""
        return self._child.is_idle

    async def exchange(self, order: Order, take: Callable[[Report], None]) -> Exchange:
        """Send `order` and call `take` with each report as it arrives.

        The caller has to drop a child that died.
        """
        found = Exchange()
        size = sum(map(len, order.answers)) + len(order.release_data)
        watch = _Watch(self._child, self._shared, order, found)
        try:
            # Before the order: a child that got it could grow before it is limited.
            self._child.limit_memory(SCRIPT_MEMORY_BYTES + ANSWER_FACTOR * size)
            await self._child.send(_ENCODER.encode(order))
            while True:
                report = _REPORT.decode(await self._child.receive())
                take(report)
                if report.done:
                    self.cpu_s = report.cpu_s
                    break
        except (FrameError, OSError, msgspec.DecodeError):
            found.stage, found.index = unmark(struct.unpack_from("=Q", self._shared)[0])
            status = await self.end()
            found.was_killed = status == -signal.SIGKILL and not found.was_late
            found.died = reason_of(status)
        finally:
            watch.cancel()
        self.known.add(order.program)
        self.known.update(order.sources)
        if order.release_data:
            self.known.add(order.releases)
        return found

    def end(self) -> asyncio.Future[int]:
        """Kill the child; its exit code."""
        return self._child.end()


class _Watch:
    """Kills the child if its mark or the whole order exceeds its time limit."""

    def __init__(self, child: Child, shared: mmap.mmap, order: Order, found: Exchange) -> None:
        self._child, self._shared, self._found = child, shared, found
        self._loop = asyncio.get_running_loop()
        self._limit_s = order.script_s + GRACE_S
        self._since = self._loop.time()
        self._until = self._since + order.total_s + GRACE_S
        self._seen: int = -1
        self._handle = self._loop.call_later(self._limit_s / CHECKS, self._check)

    def _check(self) -> None:
        if self._child.has_ended:
            return
        now = self._loop.time()
        seen: int = struct.unpack_from("=Q", self._shared)[0]
        if seen != self._seen:
            self._seen, self._since = seen, now
        if now - self._since >= self._limit_s or now >= self._until:
            self._found.was_late = True
            # Killed, not ended: `exchange` must read the end of the channel before it is closed.
            os.kill(self._child.pid, signal.SIGKILL)
            return
        self._handle = self._loop.call_later(self._limit_s / CHECKS, self._check)

    def cancel(self) -> None:
        """Stop the watch."""
        self._handle.cancel()
