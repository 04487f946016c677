"""Who works next: a bounded number of targets at once, none of which can keep the others waiting.

A turn bounds work. A target that still has one after TURN_S mostly waits for its server: the turn
goes to the next target, and the first goes on without. Targets that answered last time come first,
then those that are new, then those that took long in vain; of these few are under way at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

TURN_S = 0.1  # most targets are done by then
SLOW_S = 2.0  # who took longer, and in vain, comes behind the others next time
LATER_S = 0.25  # those that answered last time may still be on their way: jobs come in bursts
WAIT_S = 30.0  # but nobody waits longer than this for that reason
MAX_KNOWN = 10_000  # targets that are remembered
WAITING = 4  # targets under way for each turn: most of them wait for their server
_GOOD, _NEW, _SLOW = range(3)


class DrainingError(Exception):
    """It was not this target's turn before the end."""


@dataclass(slots=True)
class Held:
    """What its holder says of a turn; time alone says nothing of a server on a busy machine."""

    in_vain: bool = False  # the server did not answer, or not all


@dataclass(eq=False, slots=True)
class _Turn:
    rank: int
    since: float
    ready: asyncio.Future[None]
    entered: bool = False
    held: bool = False


class Turns:
    """`number` turns; `running` counts all that had one and have not ended."""

    def __init__(self, number: int) -> None:
        self._free = number
        # Under way, with or without a turn: what is left belongs to those that answered.
        self._room = {_GOOD: WAITING * number, _NEW: (WAITING - 1) * number, _SLOW: number}
        self._waiting: tuple[deque[_Turn], ...] = (deque(), deque(), deque())
        self._known: dict[str, int] = {}
        self._any_good = False
        self._draining = False
        self.running = 0

    @asynccontextmanager
    async def turn(self, target: str) -> AsyncGenerator[Held]:
        """Wait for a turn, then run the block; raises DrainingError after `drain`."""
        loop = asyncio.get_running_loop()
        mine = _Turn(self._known.get(target, _NEW), loop.time(), loop.create_future())
        try:
            if self._any_good:
                await asyncio.sleep(LATER_S * mine.rank)
            await self._asked(mine)
            begun = loop.time()
            timer = loop.call_later(TURN_S, self._give_back, mine)
            self.running += 1
            try:
                yield (held := Held())
                slow = held.in_vain and loop.time() - begun > SLOW_S
                self._remember(target, _SLOW if slow else _NEW if held.in_vain else _GOOD)
            finally:
                self.running -= 1
                timer.cancel()
        finally:
            self._room[mine.rank] += mine.entered
            self._give_back(mine)
            self._hand_out()

    async def _asked(self, mine: _Turn) -> None:
        if self._draining:
            raise DrainingError
        queue = self._waiting[mine.rank]
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
        for one in (one for queue in self._waiting for one in queue):
            if not one.ready.done():
                one.ready.set_exception(DrainingError())

    def _hand_out(self) -> None:
        while self._free and (queue := self._next()) is not None:
            one = queue.popleft()
            if one.ready.done():  # cancelled, or drained
                continue
            one.entered = one.held = True
            self._free -= 1
            self._room[one.rank] -= 1
            one.ready.set_result(None)

    def _next(self) -> deque[_Turn] | None:
        """The queue whose first is next."""
        queues = [queue for queue in self._waiting if queue and self._room[queue[0].rank] > 0]
        now = asyncio.get_running_loop().time()
        late = [queue for queue in queues if now - queue[0].since > WAIT_S]
        if late:
            return min(late, key=lambda queue: queue[0].since)
        return next(iter(queues), None)

    def _give_back(self, one: _Turn) -> None:
        if one.held:
            one.held = False
            self._free += 1
            self._hand_out()

    def _remember(self, target: str, rank: int) -> None:
        self._known.pop(target, None)
        self._known[target] = rank
        self._any_good = self._any_good or rank == _GOOD
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
