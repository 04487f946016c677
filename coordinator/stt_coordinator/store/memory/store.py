"""The store's in-process twin: the same answers from dictionaries, gone with the process."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stt_coordinator.store.memory.access import MemoryAccess
from stt_coordinator.store.memory.audit import MemoryAudit
from stt_coordinator.store.memory.counts import MemoryCounts
from stt_coordinator.store.memory.findings import MemoryFindings
from stt_coordinator.store.memory.fleet import MemoryFleet
from stt_coordinator.store.memory.history import MemoryHistory
from stt_coordinator.store.memory.jobs import MemoryJobs
from stt_coordinator.store.memory.outbox import MemoryOutbox
from stt_coordinator.store.memory.outcomes import MemoryOutcomes
from stt_coordinator.store.memory.results import MemoryResults
from stt_coordinator.store.memory.retention import MemoryRetention
from stt_coordinator.store.memory.runs import MemoryRuns
from stt_coordinator.store.memory.suppressions import MemorySuppressions
from stt_coordinator.store.memory.tables import Tables
from stt_coordinator.store.port import Ledger, StoreDeposedError
from stt_coordinator.store.ports.locks import OneWriter
from stt_shared import clock
from stt_shared.protocol.coordinators import StoreHealth

T = TypeVar("T")


def _new_identity() -> str:
    return secrets.token_hex(16)


@dataclass(slots=True)
class Kept:
    """What is in one store, however many handles there are on it."""

    identity: str = field(default_factory=_new_identity)
    tables: Tables = field(default_factory=Tables)
    epoch: int = 0
    installation: str = ""


class MemoryStore:
    """A store that is gone with the process; see the port."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept or Kept()
        self._epoch = 0

    @property
    def identity(self) -> str:
        return self.kept.identity

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        if self._epoch and self._epoch != self.kept.epoch:
            raise StoreDeposedError(
                f"the store has epoch {self.kept.epoch}: this coordinator had begun {self._epoch}"
            )
        # On a copy that replaces the tables last: work that raises has changed nothing.
        tables = self.kept.tables.copy()
        found = work(memory_ledger(tables))
        self.kept.tables = tables
        return found

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        return await self.transact(work)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        return work(memory_ledger(self.kept.tables))

    async def epoch(self) -> int:
        return self.kept.epoch

    async def installation(self) -> str:
        return self.kept.installation

    async def begin(self, epoch: int, installation: str = "") -> None:
        if epoch < self.kept.epoch:
            raise StoreDeposedError(f"epoch {self.kept.epoch} has begun, after epoch {epoch}")
        if epoch == self.kept.epoch and installation != self.kept.installation:
            raise StoreDeposedError(f"epoch {epoch} has begun in another installation")
        self.kept.epoch = self._epoch = epoch
        self.kept.installation = installation

    async def join(self, epoch: int) -> None:
        if epoch != self.kept.epoch:
            raise StoreDeposedError(f"the store has epoch {self.kept.epoch}, not {epoch}")
        self._epoch = epoch

    async def probe_write(self) -> None:
        await self.transact(lambda _ledger: None)

    async def health(self, *, whole: bool = True) -> StoreHealth:
        return StoreHealth(kind="memory", sound=True if whole else None, looked=clock.now())

    async def close(self) -> None:
        """Nothing to release."""


def memory_ledger(tables: Tables) -> Ledger:
    """The ledger over these tables."""
    return Ledger(
        runs=MemoryRuns(tables),
        jobs=MemoryJobs(tables),
        results=MemoryResults(tables),
        outcomes=MemoryOutcomes(tables),
        findings=MemoryFindings(tables),
        history=MemoryHistory(tables),
        suppressions=MemorySuppressions(tables),
        audit=MemoryAudit(tables),
        fleet=MemoryFleet(tables),
        access=MemoryAccess(tables),
        counts=MemoryCounts(tables),
        outbox=MemoryOutbox(tables),
        retention=MemoryRetention(tables),
        locks=OneWriter(),
    )
