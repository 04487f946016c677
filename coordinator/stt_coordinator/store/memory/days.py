"""Days and pruning in the store's in-process twin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from stt_coordinator.domain.daily import DayRow, Fixes, Steps, day_of
from stt_coordinator.store.memory.tables import Tables
from stt_coordinator.store.port import Before
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.records import Counts, FindingRecord


def add(tables: Tables, steps: Steps) -> None:
    """Add what events are to their days."""
    for row in steps.days():
        key = row.day, row.severity
        known = tables.daily.get(key, DayRow(day=row.day, severity=row.severity))
        tables.daily[key] = replace(
            known, opened=known.opened + row.opened, resolved=known.resolved + row.resolved
        )
    for fix, number in steps.fixes.items():
        tables.fixes[fix] = tables.fixes.get(fix, 0) + number


def count(tables: Tables, at: datetime, counts: Counts) -> None:
    """Remember what is open on a day, unless there is a newer count of it."""
    day = day_of(at)
    if any(day_of(other) == day and other > at for other, _ in tables.counts.values()):
        return
    for severity in Severity:
        known = tables.daily.get((day, severity), DayRow(day=day, severity=severity))
        tables.daily[day, severity] = replace(known, open=getattr(counts, severity))


def fixes(tables: Tables, since: date) -> list[Fixes]:
    """How long findings were there that were resolved from `since` on."""
    found: Counter[tuple[Severity, int]] = Counter()
    for (day, severity, minutes), number in tables.fixes.items():
        found[severity, minutes] += number * (day >= since)
    return [
        Fixes(severity=severity, minutes=minutes, number=number)
        for (severity, minutes), number in sorted(found.items())
        if number
    ]


def prune(t: Tables, before: Before, limit: int) -> Mapping[str, int]:
    """Drop at most `limit` of what is old; how many of which kind."""
    old = {r.run_id for r in t.runs.values() if r.slot < before.full and r.state != "running"}
    left = limit - (jobs := _drop(t.jobs, (k for k, j in t.jobs.items() if j.run_id in old), limit))
    dropped = {"jobs": jobs}
    busy = {job.run_id for job in t.jobs.values()}
    past = {r.run_id for r in t.runs.values() if r.slot < before.daily and r.state != "running"}
    day = day_of(before.daily)
    of: dict[str, tuple[dict[Any, Any], Iterable[Any]]] = {
        "runs": (t.runs, past - busy),
        "results": (t.results, (k for k, row in t.results.items() if row.received < before.full)),
        "counts": (t.counts, (hour for hour in t.counts if hour < before.full)),
        "findings": (t.findings, (k for k, f in t.findings.items() if _is_past(f, before))),
        "daily": (t.daily, (key for key in t.daily if key[0] < day)),
        "audit": (t.audit, (key for key, one in t.audit.items() if one.at < before.audit)),
        "fixes": (t.fixes, (key for key in t.fixes if key[0] < day)),
    }
    for kind, (table, keys) in of.items():
        dropped[kind] = _drop(table, keys, left)
        left -= dropped[kind]
    dropped["rejected"] = _drop_listed(t.rejected, before.full, left)
    dropped["history"] = _drop_listed(t.history, before.full, left - dropped["rejected"])
    t.forgotten += dropped["history"]
    return dropped


def _is_past(finding: FindingRecord, before: Before) -> bool:
    return finding.resolved_at is not None and finding.resolved_at < before.full


def _drop(table: dict[Any, Any], keys: Iterable[Any], limit: int) -> int:
    chosen = list(islice(keys, limit))
    for key in chosen:
        del table[key]
    return len(chosen)


def _drop_listed(rows: list[Any], before: datetime, limit: int) -> int:
    chosen = [place for place, row in enumerate(rows) if row.at < before][:limit]
    for place in reversed(chosen):
        del rows[place]
    return len(chosen)
