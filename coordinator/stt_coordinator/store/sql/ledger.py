"""The whole ledger over one connection of a SQL database, and the write that tests it."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.locks import LockLedger, OneWriter
from stt_coordinator.store.sql.audit import SqlAudit
from stt_coordinator.store.sql.counts import SqlCounts
from stt_coordinator.store.sql.findings import SqlFindings
from stt_coordinator.store.sql.fleet import SqlFleet
from stt_coordinator.store.sql.history import SqlHistory
from stt_coordinator.store.sql.jobs import SqlJobs
from stt_coordinator.store.sql.outbox import SqlOutbox
from stt_coordinator.store.sql.outcomes import SqlOutcomes
from stt_coordinator.store.sql.results import SqlResults
from stt_coordinator.store.sql.retention import SqlRetention
from stt_coordinator.store.sql.rows import text
from stt_coordinator.store.sql.runs import SqlRuns
from stt_coordinator.store.sql.statements import Connection
from stt_coordinator.store.sql.suppressions import SqlSuppressions
from stt_shared import sqlfile

_PROBE = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "probe.sql")


def sql_ledger(connection: Connection, locks: LockLedger | None = None) -> Ledger:
    """The ledger over `connection`; each method is one or a few statements of sql/queries.

    No `locks`: one transaction at a time writes the database.
    """
    return Ledger(
        runs=SqlRuns(connection),
        jobs=SqlJobs(connection),
        results=SqlResults(connection),
        outcomes=SqlOutcomes(connection),
        findings=SqlFindings(connection),
        history=SqlHistory(connection),
        suppressions=SqlSuppressions(connection),
        audit=SqlAudit(connection),
        fleet=SqlFleet(connection),
        counts=SqlCounts(connection),
        outbox=SqlOutbox(connection),
        retention=SqlRetention(connection),
        locks=locks or OneWriter(),
    )


def probe_write(connection: Connection, at: datetime) -> None:
    """Write `at`; raises the error of the database.

    The instant changes the row: writing what is there already need not reach the disk.
    """
    connection.execute(_PROBE["write"], {"at": text(at)})
