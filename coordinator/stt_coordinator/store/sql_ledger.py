"""The whole ledger over one connection of a SQL database, its epoch, and a write as a test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from stt_coordinator.store.port import Ledger, StoreDeposedError
from stt_coordinator.store.ports.locks import LockLedger, OneWriter
from stt_coordinator.store.sql.access import SqlAccess
from stt_coordinator.store.sql.audit import SqlAudit
from stt_coordinator.store.sql.counts import KeptCounts, SqlCounts
from stt_coordinator.store.sql.findings import SqlFindings
from stt_coordinator.store.sql.fleet import SqlFleet
from stt_coordinator.store.sql.history import SqlHistory
from stt_coordinator.store.sql.jobs import SqlJobs
from stt_coordinator.store.sql.outbox import SqlOutbox
from stt_coordinator.store.sql.outcomes import Confirmations, SqlOutcomes
from stt_coordinator.store.sql.results import SqlResults
from stt_coordinator.store.sql.retention import SqlRetention
from stt_coordinator.store.sql.rows import text
from stt_coordinator.store.sql.runs import SqlRuns
from stt_coordinator.store.sql.statements import Connection
from stt_coordinator.store.sql.suppressions import SqlSuppressions
from stt_shared import sqlfile

_EPOCH = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "epoch.sql")
_PROBE = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "probe.sql")

T = TypeVar("T")


def sql_ledger(connection: Connection) -> Ledger:
    """The ledger over `connection` to read; each method is one or a few statements."""
    locks = OneWriter()
    confirmations = Confirmations(connection, keeps=False)
    return _ledger(connection, locks, KeptCounts(connection, locks), confirmations)


def transact(
    connection: Connection,
    work: Callable[[Ledger], T],
    locks: LockLedger | None = None,
    slot: int = 0,
) -> T:
    """What `work` returns for the ledger over `connection`, in a transaction of the caller.

    No `locks`: one transaction at a time writes the database. `slot` is where it adds to the sums
    of all targets; others with the same one wait for it.
    """
    locks = locks or OneWriter()
    kept = KeptCounts(connection, locks, slot)
    confirmations = Confirmations(connection, keeps=True)
    found = work(_ledger(connection, locks, kept, confirmations))
    confirmations.write()
    # Last: counts follow from all that `work` wrote.
    kept.recount()
    return found


def _ledger(
    connection: Connection, locks: LockLedger, kept: KeptCounts, confirmations: Confirmations
) -> Ledger:
    return Ledger(
        runs=SqlRuns(connection),
        jobs=SqlJobs(connection),
        results=SqlResults(connection),
        outcomes=SqlOutcomes(connection, kept, confirmations),
        findings=SqlFindings(connection, kept, confirmations),
        history=SqlHistory(connection),
        suppressions=SqlSuppressions(connection),
        audit=SqlAudit(connection),
        fleet=SqlFleet(connection, kept),
        access=SqlAccess(connection),
        counts=SqlCounts(connection, kept),
        outbox=SqlOutbox(connection),
        retention=SqlRetention(connection, kept),
        locks=locks,
    )


def probe_write(connection: Connection, at: datetime) -> None:
    """Write `at`; raises the error of the database.

    The instant changes the row: writing what is there already need not reach the disk.
    """
    connection.execute(_PROBE["write"], {"at": text(at)})


def epoch_of(connection: Connection) -> int:
    """The last epoch that has begun, 0 before the first; raises the error of the database."""
    return int(connection.execute(_EPOCH["read"], {}).fetchone()[0])


def require_epoch(connection: Connection, epoch: int) -> None:
    """Raise StoreDeposedError unless `epoch` is the last that has begun; 0 is of no epoch."""
    found = epoch_of(connection)
    if not epoch or found == epoch:
        return
    if found > epoch:
        raise _deposed(found, epoch)
    # After a failover to a server that lagged, or a recovery to an earlier point in time.
    raise StoreDeposedError(
        f"the store went back to epoch {found}: this coordinator had epoch {epoch}"
    )


def _deposed(found: int, epoch: int) -> StoreDeposedError:
    return StoreDeposedError(
        f"another coordinator writes this store since epoch {found}: this one had epoch {epoch}"
    )


def installation_of(connection: Connection) -> str:
    """The installation of the last epoch, empty before the first; raises the database's error."""
    return str(connection.execute(_EPOCH["read"], {}).fetchone()[1])


def begin_epoch(connection: Connection, epoch: int, installation: str) -> None:
    """Write that `epoch` of `installation` has begun.

    Raises StoreDeposedError if a later one has, or the same one of another installation: each has a
    lease of its own, and two that write in one epoch would not notice each other.
    """
    found = epoch_of(connection)
    if found > epoch:
        raise _deposed(found, epoch)
    if found == epoch and installation != installation_of(connection):
        raise StoreDeposedError(f"epoch {epoch} of the store has begun in another installation")
    connection.execute(_EPOCH["put"], {"epoch": epoch, "installation": installation})
