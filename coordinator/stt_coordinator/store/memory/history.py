"""The history of findings in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from stt_coordinator.domain.daily import DayRecord, Steps, steps
from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.history import EventPlace
from stt_shared.protocol.records import FindingEvent


class MemoryHistory(Rows):
    """HistoryLedger in memory."""

    def add(self, events: Iterable[FindingEvent]) -> None:
        added = list(events)
        for event in added:
            self._t.last_event += 1
            self._t.history[self._t.last_event] = event
        self._count(steps(added))

    def _count(self, added: Steps) -> None:
        for row in added.days():
            key = row.day, row.severity
            known = self._t.daily.get(key, DayRecord(day=row.day, severity=row.severity))
            self._t.daily[key] = replace(
                known, opened=known.opened + row.opened, resolved=known.resolved + row.resolved
            )
        for fix, number in added.fixes.items():
            self._t.fixes[fix] = self._t.fixes.get(fix, 0) + number

    def of_finding(self, finding: str, limit: int) -> list[FindingEvent]:
        found = [event for event in self._t.history.values() if event.after.id == finding]
        return found[max(len(found) - limit, 0) :]

    def after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        return [one for one in self._t.history.items() if one[0] > position][:limit]

    def last_position(self) -> int:
        return max(self._t.history, default=0)

    def since(self, since: datetime, offset: int, limit: int) -> tuple[list[FindingEvent], int]:
        events = self._t.history.values()
        found = sorted((e for e in events if e.at >= since), key=lambda event: event.at)
        return found[offset : offset + limit], len(found)

    def page(self, beyond: EventPlace, offset: int, limit: int) -> list[tuple[int, FindingEvent]]:
        found = sorted(self._t.history.items(), key=lambda row: (row[1].at, row[0]))
        rest = [(place, one) for place, one in found if (one.at, place) > beyond]
        return rest[offset : offset + limit]

    def cursor(self, reader: str) -> int | None:
        return self._t.cursors.get(reader)

    def put_cursor(self, reader: str, position: int) -> None:
        self._t.cursors[reader] = position
