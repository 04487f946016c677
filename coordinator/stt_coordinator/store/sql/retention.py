"""Retention in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stt_coordinator.domain.daily import day_of
from stt_coordinator.domain.time.clocks import ClockRecord
from stt_coordinator.store.ports.results import MAX_REJECTED
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sql.counts import KeptCounts
from stt_coordinator.store.sql.rows import Columns, packed, text
from stt_coordinator.store.sql.statements import Connection, Statements, queries

# Jobs before runs: a run is deleted only when it has no jobs.
_KINDS = (
    *("jobs", "runs", "results", "rejected", "history", "counts", "findings"),
    *("daily", "fixes", "audit"),
)


class SqlRetention(Statements):
    """RetentionLedger in SQL."""

    sql = queries("retention")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept

    def clock(self) -> ClockRecord | None:
        return self._one(ClockRecord, "clock")

    def put_clock(self, record: ClockRecord) -> None:
        self._run("put_clock", data=packed(record))

    def ahead_of(self, latest: datetime) -> dict[str, int]:
        found = self._run("ahead_of", latest=text(latest)).fetchall()
        return {kind: number for kind, number in found if number}

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        ages: Columns = {
            "full": text(before.full),
            "daily": text(before.daily),
            "day": day_of(before.daily).isoformat(),
            "audit": text(before.audit),
            "kept_rejected": MAX_REJECTED,
        }
        dropped: dict[str, int] = {}
        for kind in _KINDS:
            left = limit - sum(dropped.values())
            rows = self._run(kind, **ages, limit=left).fetchall()
            dropped[kind] = len(rows)
            if kind == "findings":
                self._kept.drop_resolved(rows)
        self._kept.drop_empty()
        return dropped
