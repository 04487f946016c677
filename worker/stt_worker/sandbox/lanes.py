"""Who gets which child process when: quick scripts side by side, slow ones apart and in turn."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.telemetry.logs import logger
from stt_worker.processes.nursery import Nursery
from stt_worker.sandbox.kept import Kept

MAX_KNOWN = 2_000  # scripts that one child keeps; then it is replaced
MAX_SUSPECTS = 10_000
_LOG = logger("sandbox")


class Lane:
    """At most `size` children; who waits is served by rank, then in order of coming."""

    def __init__(self, nursery: Nursery, size: int) -> None:
        self._nursery = nursery
        self._free = size
        self._idle: list[Kept] = []
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._ending: set[asyncio.Future[int]] = set()
        self._used_s = 0.0
        self._busy: set[Kept] = set()
        self._closed = False

    @property
    def cpu_s(self) -> float:
        """CPU time of all children so far, as they reported it."""
        return self._used_s + sum(kept.cpu_s for kept in (*self._idle, *self._busy))

    @asynccontextmanager
    async def child(self, rank: int = 0) -> AsyncGenerator[Kept]:
        """A child for one order; it is killed when the block raises.

        Raises NurseryError and FrameError if none can be started.
        """
        await self._take(rank)
        try:
            kept = await self._ready()
        except BaseException:
            self._give()
            raise
        self._busy.add(kept)
        try:
            yield kept
        except BaseException:
            self._drop(kept)
            raise
        self._busy.discard(kept)
        if self._closed or len(kept.known) > MAX_KNOWN or not kept.is_idle:
            self._drop(kept)
        else:
            self._idle.append(kept)
            self._give()

    async def _take(self, rank: int) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._order), turn))
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._give()  # it was ours already
            raise

    def _give(self) -> None:
        """Hand the place to who is next; those that gave up are passed over."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _ready(self) -> Kept:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_idle:
                return kept
            await kept.end()
        kept = await Kept.started(self._nursery)
        if kept.unfiltered:
            _LOG.warning("filter_missing", reason=kept.unfiltered)
        return kept

    def _drop(self, kept: Kept) -> None:
        """End it; its place is free when its memory is."""
        self._busy.discard(kept)
        self._used_s += kept.cpu_s
        ended = kept.end()
        self._ending.add(ended)
        ended.add_done_callback(self._gone)

    def _gone(self, ended: asyncio.Future[int]) -> None:
        self._ending.discard(ended)
        self._give()

    async def close(self) -> None:
        """End idle children, and wait for those that are being ended."""
        self._closed = True
        for kept in self._idle:
            self._ending.add(ended := kept.end())
            ended.add_done_callback(self._ending.discard)
        self._idle.clear()
        if self._ending:
            await asyncio.wait(self._ending)


class Suspects:
    """Scripts that took long or killed their process, by digest, with how often."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._times

    def times(self, digest: str) -> int:
        """How often it ran out of its whole time."""
        return self._times.get(digest, 0)

    def add(self, digest: str, times: int = 0) -> None:
        """From now on it runs apart; `times` more that it ran out of its whole time."""
        self._times[digest] = self._times.pop(digest, 0) + times
        if len(self._times) > MAX_SUSPECTS:
            self._times.popitem(last=False)

    def forgive(self, digest: str) -> None:
        """It was quick again."""
        self._times.pop(digest, None)
