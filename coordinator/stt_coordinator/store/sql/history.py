"""The history of findings in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_coordinator.domain.daily import DayRecord, steps
from stt_coordinator.store.ports.history import EventPlace
from stt_coordinator.store.sql.rows import Columns, packed, text, unpacked
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.records import FindingEvent


class SqlHistory(Statements):
    """HistoryLedger in SQL."""

    sql = queries("history")

    def add(self, events: Iterable[FindingEvent]) -> None:
        added = list(events)
        self._each(
            "add",
            ({"finding": e.after.id, "at": text(e.at), "data": packed(e)} for e in added),
        )
        # In the transaction of the events: days are never counted again once events are pruned.
        # In sorted order: everybody meets on the rows of today, and would wait in a circle.
        counted = steps(added)
        self._each("add_to_day", map(_day_columns, counted.days()))
        fixes: list[Columns] = [
            {
                "day": day.isoformat(),
                "severity": str(severity),
                "minutes": minutes,
                "number": number,
            }
            for (day, severity, minutes), number in sorted(counted.fixes.items())
        ]
        self._each("add_fixes", fixes)

    def of_finding(self, finding: str, limit: int) -> list[FindingEvent]:
        return self._all(FindingEvent, "of_finding", finding=finding, limit=limit)

    def after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        return self._placed("after", position=position, limit=limit)

    def last_position(self) -> int:
        return self._number("last_position")

    def since(self, since: datetime, offset: int, limit: int) -> tuple[list[FindingEvent], int]:
        at = text(since)
        found = self._all(FindingEvent, "since", since=at, offset=offset, limit=limit)
        return found, self._number("count_since", since=at)

    def page(self, beyond: EventPlace, offset: int, limit: int) -> list[tuple[int, FindingEvent]]:
        at, position = beyond
        return self._placed("page", at=text(at), position=position, offset=offset, limit=limit)

    def _placed(self, name: str, **parameters: object) -> list[tuple[int, FindingEvent]]:
        found = self._run(name, **parameters)
        return [(int(place), unpacked(FindingEvent, data)) for place, data in found]

    def cursor(self, reader: str) -> int | None:
        found = self._run("cursor", reader=reader).fetchone()
        return None if found is None else int(found[0])

    def put_cursor(self, reader: str, position: int) -> None:
        self._run("put_cursor", reader=reader, position=position)


def _day_columns(row: DayRecord) -> Columns:
    return {
        "day": row.day.isoformat(),
        "severity": str(row.severity),
        "opened": row.opened,
        "resolved": row.resolved,
    }
