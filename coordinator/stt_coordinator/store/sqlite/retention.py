"""Retention in SQLite."""

from __future__ import annotations

from collections.abc import Mapping

from stt_coordinator.domain.daily import day_of
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sqlite.rows import Columns, text
from stt_coordinator.store.sqlite.statements import Statements, queries

# Jobs before runs: a run is deleted only when it has no jobs.
_KINDS = (
    *("jobs", "runs", "results", "rejected", "history", "counts", "findings"),
    *("daily", "fixes", "audit"),
)


class SqliteRetention(Statements):
    """RetentionLedger in SQLite."""

    sql = queries("retention")

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        ages: Columns = {
            "full": text(before.full),
            "daily": text(before.daily),
            "day": day_of(before.daily).isoformat(),
            "audit": text(before.audit),
        }
        dropped: dict[str, int] = {}
        for kind in _KINDS:
            left = limit - sum(dropped.values())
            dropped[kind] = self._run(kind, **ages, limit=left).rowcount
        return dropped
