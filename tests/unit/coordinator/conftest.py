"""Every transaction of these tests runs twice, as after a serialization failure of a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger

T = TypeVar("T")


class _SerializationError(Exception):
    """What a database raises at the commit of a transaction that has to be repeated."""


@pytest.fixture(autouse=True)
def _repeated_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    once = MemoryStore.transact

    async def twice(self: MemoryStore, work: Callable[[Ledger], T]) -> T:
        def failing(ledger: Ledger) -> None:
            work(ledger)
            raise _SerializationError

        try:
            await once(self, failing)
        except _SerializationError:
            return await once(self, work)
        raise AssertionError("a transaction that fails was committed")

    monkeypatch.setattr(MemoryStore, "transact", twice)
