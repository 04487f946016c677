"""Runs and slots in SQLite."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.ports.runs import Place
from stt_coordinator.store.sqlite.rows import LAST_CHARACTER, Columns, packed, text
from stt_coordinator.store.sqlite.statements import Statements, queries
from stt_shared import clock
from stt_shared.protocol.records import RunRecord


class SqliteRuns(Statements):
    """RunLedger in SQLite."""

    sql = queries("runs")

    def get(self, run_id: str) -> RunRecord | None:
        return self._one(RunRecord, "get", run_id=run_id)

    def put(self, run: RunRecord) -> None:
        self._each("put", [columns(run)])

    def newest(self, limit: int, before: Place | None = None) -> list[RunRecord]:
        slot, run_id = before or Place(LAST_CHARACTER, "")
        return self._all(RunRecord, "newest", slot=slot, run_id=run_id, limit=limit)

    def running(self) -> list[RunRecord]:
        return self._all(RunRecord, "running")

    def last(self) -> RunRecord | None:
        return self._one(RunRecord, "last")

    def previous(self, run: RunRecord) -> RunRecord | None:
        slot = text(run.slot)
        alike = self._one(RunRecord, "previous", schedule=run.schedule, slot=slot)
        return alike or self._one(RunRecord, "previous_of_any", slot=slot)

    def last_slots(self) -> dict[str, datetime]:
        return {schedule: clock.from_text(slot) for schedule, slot in self._run("last_slots")}

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._run("put_slot", schedule=schedule, slot=text(slot))


def columns(run: RunRecord) -> Columns:
    """The columns of a run."""
    return {
        "run_id": run.run_id,
        "schedule": run.schedule,
        "slot": text(run.slot),
        "state": run.state,
        "data": packed(run),
    }
