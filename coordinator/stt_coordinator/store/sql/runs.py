"""Runs and slots in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_coordinator.store.sql.rows import LAST_NUMBER, Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared import clock
from stt_shared.protocol.records import RunRecord


class SqlRuns(Statements):
    """RunLedger in SQL."""

    sql = queries("runs")

    def get(self, run_id: str) -> RunRecord | None:
        return self._one(RunRecord, "get", run_id=run_id)

    def put(self, run: RunRecord) -> None:
        self._each("put", [columns(run)])

    def next_number(self) -> int:
        return self._number("next_number")

    def numbers(self, run_ids: Iterable[str]) -> dict[str, int]:
        return dict(self._run("numbers", ids=listed(run_ids)).fetchall())

    def newest(self, limit: int, before: int | None = None) -> list[RunRecord]:
        first = LAST_NUMBER if before is None else before
        return self._all(RunRecord, "newest", before=first, limit=limit)

    def running(self) -> list[RunRecord]:
        return self._all(RunRecord, "running")

    def last(self) -> RunRecord | None:
        return self._one(RunRecord, "last")

    def previous(self, run: RunRecord) -> RunRecord | None:
        alike = self._one(RunRecord, "previous", schedule=run.schedule, number=run.number)
        return alike or self._one(RunRecord, "previous_of_any", number=run.number)

    def last_slots(self) -> dict[str, datetime]:
        return {schedule: clock.from_text(slot) for schedule, slot in self._run("last_slots")}

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._run("put_slot", schedule=schedule, slot=text(slot))


def columns(run: RunRecord) -> Columns:
    """The columns of a run."""
    return {
        "run_id": run.run_id,
        "number": run.number,
        "schedule": run.schedule,
        "slot": text(run.slot),
        "state": run.state,
        "data": packed(run),
    }
