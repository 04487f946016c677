"""The store as the coordinator needs it: transactions of plain functions over one ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from stt_coordinator.store.ports.access import AccessLedger
from stt_coordinator.store.ports.audit import AuditLedger
from stt_coordinator.store.ports.counts import CountLedger
from stt_coordinator.store.ports.findings import FindingLedger
from stt_coordinator.store.ports.fleet import FleetLedger
from stt_coordinator.store.ports.history import HistoryLedger
from stt_coordinator.store.ports.jobs import JobLedger
from stt_coordinator.store.ports.locks import LockLedger
from stt_coordinator.store.ports.outbox import OutboxLedger
from stt_coordinator.store.ports.outcomes import OutcomeLedger
from stt_coordinator.store.ports.results import ResultLedger
from stt_coordinator.store.ports.retention import RetentionLedger
from stt_coordinator.store.ports.runs import RunLedger
from stt_coordinator.store.ports.suppressions import SuppressionLedger
from stt_shared.errors import EXIT_UNREACHABLE, SttError
from stt_shared.protocol.coordinators import StoreHealth

T = TypeVar("T")


class StoreError(SttError):
    """The store cannot do what it was asked for.

    Nothing of the transaction was kept, except if the connection broke during its commit: then that
    is unknown, and the message says so.
    """

    exit_code: ClassVar[int] = EXIT_UNREACHABLE


class StoreFullError(StoreError):
    """The disk, or the size that the store may have, is full."""


class StoreReadOnlyError(StoreError):
    """The store must not be written."""


class StoreBusyError(StoreError):
    """Another process holds the store."""


class StoreDeposedError(StoreError):
    """The epoch of the store is not the own: another coordinator has begun, or it went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything in the store as seen inside one transaction, by aggregate."""

    runs: RunLedger
    jobs: JobLedger
    results: ResultLedger
    outcomes: OutcomeLedger
    findings: FindingLedger
    history: HistoryLedger
    suppressions: SuppressionLedger
    audit: AuditLedger
    fleet: FleetLedger
    access: AccessLedger
    counts: CountLedger
    outbox: OutboxLedger
    retention: RetentionLedger
    locks: LockLedger


class Store(Protocol):
    """Transactions over the ledger.

    `work` is a plain function: it must not wait, may run in another thread, and may run more than
    once when the store has to repeat its transaction; so it changes nothing but the ledger.
    Transactions are serializable: the result is as if one ran after the other. What `work` read is
    unchanged when it is committed, and a row that it did not find was not inserted meanwhile; for
    `transact_beside` alone that holds only of what `work` holds.
    """

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        """Run `work` in one transaction and return its value once that is durable.

        If `work` raises, nothing is kept and its error is raised. A cancelled caller leaves either
        the whole transaction or nothing. Raises StoreError.
        """
        ...

    async def transact_beside(self, work: Callable[[Ledger], T]) -> T:
        """As `transact`, but other calls of this method may run at the same time.

        Of those, `work` is protected from what it holds by `ledger.locks`, and from nothing else.
        """
        ...

    async def read(self, work: Callable[[Ledger], T]) -> T:
        """Run `work` on one consistent state; it must not write. Raises StoreError."""
        ...

    @property
    def identity(self) -> str:
        """The random id that the store got when it was made; its backups have the same."""
        ...

    async def epoch(self) -> int:
        """The last epoch in which a coordinator began to write; 0: none. Raises StoreError."""
        ...

    async def installation(self) -> str:
        """The id of the installation that began the last epoch; empty: none. Raises StoreError."""
        ...

    async def begin(self, epoch: int, installation: str = "") -> None:
        """Write in `epoch`: once this returns, no transaction of an earlier one commits.

        Later transactions raise StoreDeposedError once a later epoch has begun, or the store went
        back to an earlier one. This one raises it for a later one, and for the same one if another
        installation began it. Before the first call nothing
        is compared. Raises StoreError.
        """
        ...

    async def join(self, epoch: int) -> None:
        """Write in `epoch`, which the leader began: the same holds for later transactions.

        Raises StoreDeposedError if the store is in another one, and StoreError.
        """
        ...

    async def probe_write(self) -> None:
        """Write one row until it is durable: a full or read-only store raises StoreError.

        Raises StoreDeposedError as `transact`.
        """
        ...

    async def health(self, *, whole: bool = True) -> StoreHealth:
        """The condition of the store; never raises.

        `whole`: with the integrity check, which may read all of it, at most once a minute.
        """
        ...

    async def close(self) -> None:
        """Release the store; may be called twice. Later transactions raise StoreError."""
        ...
