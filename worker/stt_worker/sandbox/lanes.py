"""Schedules orders on child processes: quick scripts in parallel, slow scripts one at a time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_shared.telemetry.logs import logger
from stt_worker.processes.spawner import Spawner
from stt_worker.sandbox.kept import Kept

MAX_KNOWN = 2_000  # scripts in one child; then it is replaced
MAX_SUSPECTS = 10_000
_LOG = logger("sandbox")


class Lane:
    """At most `size` children; waiting orders are served by rank, then by arrival."""

    def __init__(self, spawner: Spawner, size: int) -> None:
        self._spawner = spawner
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
        """CPU seconds of all children so far, as reported by them."""
        return self._used_s + sum(kept.cpu_s for kept in (*self._idle, *self._busy))

    @asynccontextmanager
    async def child(self, rank: int = 0) -> AsyncGenerator[Kept]:
        """A child for one order; it is killed if the block raises.

        Raises SpawnError and FrameError if none can be started.
        """
        if self._free and not self._waiting:
            self._free -= 1
        else:
            given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (rank, next(self._order), given))
            try:
                await given
            except BaseException:
                # Given already, and then cancelled: without this the place would be lost.
                if given.done() and not given.cancelled():
                    self._give()
                raise
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

    def _give(self) -> None:
        """Give the place to the next waiting order; cancelled ones are skipped."""
        while self._waiting:
            _, _, given = heapq.heappop(self._waiting)
            if not given.done():
                given.set_result(None)
                return
        self._free += 1

    async def _ready(self) -> Kept:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_idle:
                return kept
            await kept.end()
        kept = await Kept.started(self._spawner)
        if kept.unfiltered:
            _LOG.warning("filter_missing", reason=kept.unfiltered)
        return kept

    def _drop(self, kept: Kept) -> None:
        """End a child; its place is free once its memory is free."""
        self._busy.discard(kept)
        self._used_s += kept.cpu_s
        ended = kept.end()
        self._ending.add(ended)
        ended.add_done_callback(self._ending.discard)
        # Not before it has ended: until then it holds the memory that the next child needs.
        ended.add_done_callback(lambda _: self._give())

    async def close(self) -> None:
        """End idle children and wait until all children have ended."""
        self._closed = True
        for kept in self._idle:
            self._ending.add(ended := kept.end())
            ended.add_done_callback(self._ending.discard)
        self._idle.clear()
        if self._ending:
            await asyncio.wait(self._ending)


class Suspects:
    """Scripts that were slow or killed their process, by digest, with a count."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._times

    def times(self, digest: str) -> int:
        """How often the script exceeded its full time limit."""
        return self._times.get(digest, 0)

    def add(self, digest: str, times: int = 0) -> None:
        """Add a script, which runs alone from now on; `times` is added to its count."""
        self._times[digest] = self._times.pop(digest, 0) + times
        if len(self._times) > MAX_SUSPECTS:
            self._times.popitem(last=False)

    def forgive(self, digest: str) -> None:
        """Remove a script that was quick again."""
        self._times.pop(digest, None)
