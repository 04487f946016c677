"""A store that ends the term of its coordinator: refused in its epoch, or out of reach."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from stt_coordinator.lease.port import RENEWALS
from stt_coordinator.lease.term import Term
from stt_coordinator.store.port import Ledger, Store, StoreDeposedError, StoreError
from stt_shared import clock
from stt_shared.protocol.coordinators import StoreHealth

T = TypeVar("T")


@dataclass(slots=True)
class StoreWatch:
    """Sees for how long this coordinator does not reach the store; it may be alone with that."""

    store: Store
    most_s: float  # without an answer; then it counts as cut off
    trouble: str = ""  # of the last inspection
    _reached: float = field(default_factory=clock.uptime)

    async def inspect(self) -> str:
        """Read once; why the store counts as cut off from here, empty if it does not."""
        begun = clock.uptime()
        left_s = max(self.most_s - (begun - self._heard()), self.most_s / RENEWALS)
        try:
            async with asyncio.timeout(left_s):
                await self.store.read(lambda ledger: ledger.fleet.control_sequence())
        except StoreError as error:
            self.trouble = error.message
        except TimeoutError:
            self.trouble = "it does not answer"
        else:
            self._reached, self.trouble = begun, ""
            return ""
        silent_s = clock.uptime() - self._heard()
        if silent_s < self.most_s:
            return ""
        return f"the store is out of reach for {silent_s:.0f} s ({self.trouble})"

    def _heard(self) -> float:
        """When the store last answered anything, in seconds of uptime."""
        # Also what others asked: the read above waits behind pages for one of a few sessions.
        others = self.store.answered if isinstance(self.store, FencedStore) else 0.0
        return max(self._reached, others)


class FencedStore:
    """The store of a coordinator that acts; see the port.

    `answered`: when it did last, in seconds of uptime.
    """

    def __init__(self, store: Store, term: Term) -> None:
        self._store = store
        self._term = term
        self.answered = clock.uptime()

    @property
    def identity(self) -> str:
        """See the port."""
        return self._store.identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        with self._heeded():
            return await self._store.transact(work)

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        with self._heeded():
            return await self._store.transact_beside(work)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        with self._heeded():
            return await self._store.read(work)

    async def epoch(self) -> int:
        """See the port."""
        with self._heeded():
            return await self._store.epoch()

    async def installation(self) -> str:
        """See the port."""
        with self._heeded():
            return await self._store.installation()

    async def begin(self, epoch: int, installation: str = "") -> None:
        """See the port."""
        with self._heeded():
            await self._store.begin(epoch, installation)

    async def join(self, epoch: int) -> None:
        """See the port."""
        with self._heeded():
            await self._store.join(epoch)

    async def probe_write(self) -> None:
        """See the port."""
        with self._heeded():
            await self._store.probe_write()

    async def health(self, *, whole: bool = True) -> StoreHealth:
        """See the port."""
        return await self._store.health(whole=whole)

    async def close(self) -> None:
        """See the port."""
        await self._store.close()

    @contextmanager
    def _heeded(self) -> Generator[None]:
        try:
            yield
            self.answered = clock.uptime()
        except StoreDeposedError as error:
            # Before the caller goes on: what it could not record must not be dispatched.
            self._term.lose(error.message)
            raise
