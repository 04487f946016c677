"""Who works next: a bounded number of targets at once, none of which can keep the others waiting.

A turn bounds work. A target that still has one after TURN_S mostly waits for its server: the turn
goes to the next target, and the first goes on without. Targets that took long last time come
behind the others, and never have more than a quarter of the turns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

TURN_S = 0.15  # most targets are done within 0.1
SLOW_S = 2.0  # who took longer comes behind the others next time
SLOW_WAIT_S = 30.0  # but waits no longer than this for that reason
MAX_SLOW = 10_000  # names that are remembered


class DrainingError(Exception):
    """It was not this target's turn before the end."""


@dataclass(eq=False, slots=True)
class _Turn:
    slow: bool
    since: float
    ready: asyncio.Future[None]
    held: bool = False


class Turns:
    """`number` turns; `running` counts all that had one and have not ended."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._free_for_slow = max(1, number // 4)
        self._waiting: deque[_Turn] = deque()
        self._waiting_slow: deque[_Turn] = deque()
        self._slow: dict[str, None] = {}
        self._draining = False
        self.running = 0

    @asynccontextmanager
    async def turn(self, target: str) -> AsyncGenerator[None]:
        """Wait for a turn, then run the block; raises DrainingError after `drain`."""
        loop = asyncio.get_running_loop()
        mine = _Turn(target in self._slow, loop.time(), loop.create_future())
        queue = self._waiting_slow if mine.slow else self._waiting
        try:
            await self._asked(mine, queue)
            begun = loop.time()
            timer = loop.call_later(TURN_S, self._give_back, mine)
            self.running += 1
            try:
                yield
            finally:
                self.running -= 1
                timer.cancel()
                self._remember(target, slow=loop.time() - begun > SLOW_S)
        finally:
            self._give_back(mine)

    async def _asked(self, mine: _Turn, queue: deque[_Turn]) -> None:
        if self._draining:
            raise DrainingError
        queue.append(mine)
        try:
            self._hand_out()
            await mine.ready
        finally:
            if mine in queue:
                queue.remove(mine)

    def drain(self) -> None:
        """No target gets a turn any more."""
        self._draining = True
        for one in (*self._waiting, *self._waiting_slow):
            if not one.ready.done():
                one.ready.set_exception(DrainingError())

    def _hand_out(self) -> None:
        while self._free and (one := self._next()) is not None:
            if one.ready.done():  # cancelled, or drained
                continue
            one.held = True
            self._free -= 1
            self._free_for_slow -= one.slow
            one.ready.set_result(None)

    def _next(self) -> _Turn | None:
        """Who has waited longest; the slow come last, but not for ever."""
        slow = self._waiting_slow if self._free_for_slow > 0 else deque[_Turn]()
        now = asyncio.get_running_loop().time()
        if slow and now - slow[0].since > SLOW_WAIT_S:
            return slow.popleft()
        if self._waiting:
            return self._waiting.popleft()
        return slow.popleft() if slow else None

    def _give_back(self, one: _Turn) -> None:
        if not one.held:
            return
        one.held = False
        self._free += 1
        self._free_for_slow += one.slow
        self._hand_out()

    def _remember(self, target: str, *, slow: bool) -> None:
        self._slow.pop(target, None)
        if slow:
            self._slow[target] = None
            if len(self._slow) > MAX_SLOW:
                del self._slow[next(iter(self._slow))]
