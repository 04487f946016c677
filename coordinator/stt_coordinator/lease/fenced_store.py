"""A store that ends the term of its coordinator once it refuses to be written in its epoch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from stt_coordinator.lease.term import Term
from stt_coordinator.store.port import Ledger, Store, StoreDeposedError
from stt_shared.protocol.coordinators import StoreHealth

T = TypeVar("T")


class FencedStore:
    """The store of a coordinator that acts; see the port."""

    def __init__(self, store: Store, term: Term) -> None:
        self._store = store
        self._term = term

    @property
    def identity(self) -> str:
        """See the port."""
        return self._store.identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        with self._heeded():
            return await self._store.transact(work)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """See the port."""
        return await self._store.read(work)

    async def epoch(self) -> int:
        """See the port."""
        return await self._store.epoch()

    async def installation(self) -> str:
        """See the port."""
        return await self._store.installation()

    async def begin(self, epoch: int, installation: str = "") -> None:
        """See the port."""
        with self._heeded():
            await self._store.begin(epoch, installation)

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
        except StoreDeposedError as error:
            # Before the caller goes on: what it could not record must not be dispatched.
            self._term.lose(error.message)
            raise
