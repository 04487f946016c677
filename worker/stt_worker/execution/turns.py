"""Schedules targets: a bounded number at once, and no slow target delays the others.

A turn limits CPU work. After TURN_S a target mostly waits for its server, so its turn goes to the
next target while it continues without a turn. Targets that answered last time come first, then new
targets, then targets that were slow and failed; of the last few run at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

TURN_S = 0.1  # most targets have finished by then
SLOW_S = 2.0  # a target that took longer, and failed, comes last next time
LATER_S = 0.25  # new targets wait this long: jobs of good targets may follow in the same burst
WAIT_S = 30.0  # after this wait a target comes first, whatever its rank
MAX_KNOWN = 10_000  # remembered targets
WAITING = 4  # targets under way per turn; most of them wait for their server
_GOOD, _NEW, _SLOW = range(3)


class DrainingError(Exception):
    """The worker stops before this target got its turn."""


@dataclass(slots=True)
class Held:
    """The result of a turn, set by its holder; on a busy machine the time alone proves nothing."""

    in_vain: bool = False  # the server did not answer, or not every question


@dataclass(eq=False, slots=True)
class _Turn:
    rank: int
    since: float
    ready: asyncio.Future[None]
    entered: bool = False
    held: bool = False


class Turns:
    """`number` turns; `running` counts the targets that got a turn and have not finished."""

    def __init__(self, number: int) -> None:
        self._free = number
        # Places under way, with or without a turn. Fewer for new and slow targets: hanging servers
        # must not take the places of those that answer.
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
        """Give no more turns; those who wait get DrainingError."""
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
        """The queue whose first target is next."""
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
