"""Days and pruning in SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from stt_coordinator.domain.daily import DayRow, Fixes, day_of
from stt_coordinator.store.port import Before
from stt_coordinator.store.rows import Columns, text
from stt_coordinator.store.sqlite.statements import Statements
from stt_shared.protocol.enums import Severity

_PRUNED = (
    *("jobs", "runs", "results", "rejected", "history", "counts", "findings"),
    *("daily", "fixes", "audit"),
)


class Days(Statements):
    """The part of the ledger that knows days, and drops what is old."""

    def days(self, since: date) -> list[DayRow]:
        """See the port."""
        return [
            DayRow(
                day=date.fromisoformat(day),
                severity=Severity(severity),
                open=there,
                opened=opened,
                resolved=resolved,
            )
            for day, severity, there, opened, resolved in self._run("days", since=since.isoformat())
        ]

    def last_counted_day(self, before: date) -> date | None:
        """See the port."""
        found = self._run("last_counted_day", before=before.isoformat()).fetchone()
        return None if found is None else date.fromisoformat(found[0])

    def fixes(self, since: date) -> list[Fixes]:
        """See the port."""
        return [
            Fixes(severity=Severity(severity), minutes=minutes, number=number)
            for severity, minutes, number in self._run("fixes", since=since.isoformat())
        ]

    def prune(self, before: Before, limit: int) -> Mapping[str, int]:
        """See the port."""
        ages: Columns = {
            "full": text(before.full),
            "daily": text(before.daily),
            "day": day_of(before.daily).isoformat(),
            "audit": text(before.audit),
        }
        dropped: dict[str, int] = {}
        for kind in _PRUNED:
            left = limit - sum(dropped.values())
            dropped[kind] = self._run(f"prune_{kind}", **ages, limit=left).rowcount
        return dropped
