"""A pool of children: one job per child at a time; a child whose job failed is ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stt_worker.processes.child import Bounds, Child
from stt_worker.processes.spawner import Spawner

CHILDREN = 8


class Pool:
    """At most `size` children of `entry` at once; at most `keep` of them stay when idle."""

    def __init__(
        self,
        spawner: Spawner,
        entry: str,
        *,
        size: int = CHILDREN,
        keep: int | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._spawner = spawner
        self._entry = entry
        self._bounds = bounds
        self._keep = size if keep is None else keep
        self._places = asyncio.Semaphore(size)
        self._idle: list[Child] = []
        self._ending: set[asyncio.Future[int]] = set()
        self._closed = False

    @asynccontextmanager
    async def child(self) -> AsyncGenerator[Child]:
        """A child for one job; it is killed if the block raises or has ended it.

        Raises SpawnError.
        """
        # Before a child is chosen: with more of them at once the memory of this host is not
        # bounded.
        await self._places.acquire()
        try:
            child = await self._ready()
        except BaseException:
            self._places.release()
            raise
        try:
            yield child
        except BaseException:
            self._end(child)
            raise
        if self._closed or len(self._idle) >= self._keep or not child.is_idle:
            self._end(child)
        else:
            self._idle.append(child)
            self._places.release()

    async def _ready(self) -> Child:
        """The idle child that was used last, whose caches are warm; or a new child."""
        while self._idle:
            child = self._idle.pop()
            if child.is_idle:
                return child
            await child.end()
        return await self._spawner.fork(self._entry, self._bounds)

    def _end(self, child: Child) -> None:
        """Kill a child; its place is free once its memory is free."""
        ended = child.end()
        self._ending.add(ended)
        ended.add_done_callback(self._ending.discard)
        # Not before it has ended: until then it holds the memory that the next child needs.
        ended.add_done_callback(lambda _: self._places.release())

    async def close(self) -> None:
        """End idle children and wait until all children have ended."""
        self._closed = True
        for child in self._idle:
            self._ending.add(ended := child.end())
            ended.add_done_callback(self._ending.discard)
        self._idle.clear()
        if self._ending:
            await asyncio.wait(self._ending)
