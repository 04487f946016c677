"""Runs and slots in memory."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.protocol.records import RunRecord


class MemoryRuns(Rows):
    """RunLedger in memory."""

    def get(self, run_id: str) -> RunRecord | None:
        return self._t.runs.get(run_id)

    def put(self, run: RunRecord) -> None:
        self._t.runs[run.run_id] = run

    def newest(self, limit: int, before: Place | None = None) -> list[RunRecord]:
        found = [
            one
            for one in self._newest_first()
            if before is None or (clock.to_text(one.slot), one.run_id) < before
        ]
        return found[:limit]

    def _newest_first(self) -> list[RunRecord]:
        return sorted(self._t.runs.values(), key=lambda one: (one.slot, one.run_id), reverse=True)

    def running(self) -> list[RunRecord]:
        return [run for run in reversed(self._newest_first()) if run.state == "running"]

    def last(self) -> RunRecord | None:
        return next((run for run in self._newest_first() if run.state != "skipped"), None)

    def previous(self, run: RunRecord) -> RunRecord | None:
        earlier = [one for one in self._newest_first() if one.slot < run.slot]
        finished = [one for one in earlier if one.state == "finished"]
        alike = (one for one in finished if one.schedule == run.schedule)
        return next(alike, finished[0] if finished else None)

    def last_slots(self) -> dict[str, datetime]:
        return dict(self._t.slots)

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._t.slots[schedule] = max(slot, self._t.slots.get(schedule, slot))
