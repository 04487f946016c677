"""Retention in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from stt_coordinator.domain.daily import day_of
from stt_coordinator.domain.time.clocks import ClockRecord
from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.results import MAX_REJECTED, Rejected
from stt_coordinator.store.ports.retention import Before


class MemoryRetention(Rows):
    """RetentionLedger in memory."""

    def clock(self) -> ClockRecord | None:
        return self._t.clock

    def put_clock(self, record: ClockRecord) -> None:
        self._t.clock = record

    def ahead_of(self, latest: datetime) -> dict[str, int]:
        t = self._t
        found = {
            "runs": sum(one.slot > latest for one in t.runs.values()),
            "results": sum(one.received > latest for one in t.results.values()),
            "rejected": sum(one.at > latest for one in t.rejected),
            "history": sum(one.at > latest for one in t.history.values()),
            "counts": sum(hour > latest for hour in t.counts),
            "audit": sum(one.at > latest for one in t.audit.values()),
        }
        return {kind: number for kind, number in found.items() if number}

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        t = self._t
        over = self._over(before.full)
        jobs = (key for key, job in t.jobs.items() if job.run_id in over)
        dropped = {"jobs": _drop(t.jobs, jobs, limit)}
        busy = {job.run_id for job in t.jobs.values()}
        day = day_of(before.daily)
        resolved = (
            key
            for key, one in t.findings.items()
            if one.resolved_at is not None and one.resolved_at < before.full
        )
        old: dict[str, tuple[dict[Any, Any], Iterable[Any]]] = {
            "runs": (t.runs, self._over(before.daily) - busy),
            "results": (t.results, (k for k, r in t.results.items() if r.received < before.full)),
            "history": (t.history, (key for key, e in t.history.items() if e.at < before.full)),
            "counts": (t.counts, (hour for hour in t.counts if hour < before.full)),
            "findings": (t.findings, resolved),
            "daily": (t.daily, (key for key in t.daily if key[0] < day)),
            "audit": (t.audit, (key for key, one in t.audit.items() if one.at < before.audit)),
            "fixes": (t.fixes, (key for key in t.fixes if key[0] < day)),
        }
        for kind, (table, keys) in old.items():
            dropped[kind] = _drop(table, keys, limit - sum(dropped.values()))
        dropped["rejected"] = _drop_rejected(t.rejected, before.full, limit - sum(dropped.values()))
        return dropped

    def _over(self, before: datetime) -> set[str]:
        """The ids of runs with an earlier slot that do not run any more."""
        runs = self._t.runs.values()
        return {run.run_id for run in runs if run.slot < before and run.state != "running"}


def _drop(table: dict[Any, Any], keys: Iterable[Any], limit: int) -> int:
    chosen = list(islice(keys, limit))
    for key in chosen:
        del table[key]
    return len(chosen)


def _drop_rejected(rows: list[Rejected], before: datetime, limit: int) -> int:
    over = len(rows) - MAX_REJECTED
    chosen = [place for place, row in enumerate(rows) if row.at < before or place < over][:limit]
    for place in reversed(chosen):
        del rows[place]
    return len(chosen)
