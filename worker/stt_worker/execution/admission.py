"""Admits targets: a bounded number at once, and no slow target delays the others.

A permit limits CPU work. After PERMIT_S a target mostly waits for its server, so its permit goes to
the next target while it continues without one. Targets that answered last time come first, then new
targets, then targets that were slow and failed; of the last few run at once. A target that may have
ended this process before is admitted alone: if it does so again, no other is under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

PERMIT_S = 0.1  # most targets have finished by then
SLOW_S = 2.0  # a target that took longer, and failed, comes last next time
LATER_S = 0.25  # new targets wait this long: jobs of good targets may follow in the same burst
WAIT_S = 30.0  # after this wait a target comes first, whatever its rank
MAX_KNOWN = 10_000  # remembered targets
ADMITTED_PER_PERMIT = 4  # most of them wait for their server
_GOOD, _NEW, _SLOW = range(3)


class DrainingError(Exception):
    """The worker stops before this target was admitted."""


@dataclass(slots=True)
class Admission:
    """An admitted target; its holder sets the field, because time alone proves nothing."""

    unanswered: bool = False  # the server did not answer, or not every question


@dataclass(eq=False, slots=True)
class _Request:
    rank: int
    since: float
    ready: asyncio.Future[None]
    alone: bool = False
    is_admitted: bool = False
    has_permit: bool = False


class AdmissionQueue:
    """`permits` for CPU work; `running` counts the admitted targets that have not finished."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        # Fewer for new and slow targets: hanging servers must not take the places of those that
        # answer.
        self._room = {
            _GOOD: ADMITTED_PER_PERMIT * permits,
            _NEW: (ADMITTED_PER_PERMIT - 1) * permits,
            _SLOW: permits,
        }
        self._waiting: tuple[deque[_Request], ...] = (deque(), deque(), deque())
        self._suspects: deque[_Request] = deque()  # that are to be admitted alone
        self._admitted: set[_Request] = set()
        self._ranks: dict[str, int] = {}
        self._any_good = False
        self._draining = False
        self.running = 0

    @asynccontextmanager
    async def admit(self, target: str, *, alone: bool = False) -> AsyncGenerator[Admission]:
        """Wait for admission, then run the block; raises DrainingError after `drain`.

        If `alone`, the block runs while no other does.
        """
        loop = asyncio.get_running_loop()
        rank = self._ranks.get(target, _NEW)
        mine = _Request(rank, loop.time(), loop.create_future(), alone)
        try:
            if self._any_good:
                await asyncio.sleep(LATER_S * mine.rank)
            # After the sleep: `drain` meanwhile did not see this request.
            if self._draining:
                raise DrainingError
            queue = self._suspects if alone else self._waiting[mine.rank]
            queue.append(mine)
            try:
                self._admit_next()
                await mine.ready
            finally:
                if mine in queue:
                    queue.remove(mine)
            begun = loop.time()
            # From now on it mostly waits for its server: the permit is for CPU work.
            timer = loop.call_later(PERMIT_S, self._return_permit, mine)
            self.running += 1
            try:
                yield (admission := Admission())
                slow = admission.unanswered and loop.time() - begun > SLOW_S
                rank = _SLOW if slow else _NEW if admission.unanswered else _GOOD
                # Removed first: the entry moves to the end, so that the oldest are forgotten.
                self._ranks.pop(target, None)
                self._ranks[target] = rank
                self._any_good = self._any_good or rank == _GOOD
                if len(self._ranks) > MAX_KNOWN:
                    del self._ranks[next(iter(self._ranks))]
            finally:
                self.running -= 1
                timer.cancel()
        finally:
            # Here, not at the end of the block: a cancelled wait may have been admitted already.
            self._room[mine.rank] += mine.is_admitted
            self._admitted.discard(mine)
            self._return_permit(mine)
            self._admit_next()

    def drain(self) -> None:
        """Admit no more targets; those that wait get DrainingError."""
        self._draining = True
        for request in (one for queue in (*self._waiting, self._suspects) for one in queue):
            if not request.ready.done():
                request.ready.set_exception(DrainingError())

    def _admit_next(self) -> None:
        """Admit waiting targets while there are permits and room for their rank."""
        # One that runs alone, or waits to, holds up the others: else it would wait for ever.
        if any(one.alone for one in self._admitted) or (self._suspects and self._admitted):
            return
        while self._suspects:
            request = self._suspects.popleft()
            if not request.ready.done():
                self._admit(request)
                return
        while self._free:
            queues = [queue for queue in self._waiting if queue and self._room[queue[0].rank] > 0]
            if not queues:
                return
            now = asyncio.get_running_loop().time()
            # Before the ranks: else a stream of good targets would hold up the others for ever.
            late = [queue for queue in queues if now - queue[0].since > WAIT_S]
            queue = min(late, key=lambda queue: queue[0].since) if late else queues[0]
            request = queue.popleft()
            if request.ready.done():  # cancelled, or drained
                continue
            self._admit(request)

    def _admit(self, request: _Request) -> None:
        request.is_admitted = request.has_permit = True
        self._free -= 1
        self._room[request.rank] -= 1
        self._admitted.add(request)
        request.ready.set_result(None)

    def _return_permit(self, request: _Request) -> None:
        if request.has_permit:
            request.has_permit = False
            self._free += 1
            self._admit_next()
