"""Runs and slots in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_coordinator.store.memory.tables import Rows
from stt_shared.protocol.records import RunRecord


class MemoryRuns(Rows):
    """RunLedger in memory."""

    def get(self, run_id: str) -> RunRecord | None:
        return self._t.runs.get(run_id)

    def put(self, run: RunRecord) -> None:
        self._t.runs[run.run_id] = run

    def next_number(self) -> int:
        self._t.last_run += 1
        return self._t.last_run

    def numbers(self, run_ids: Iterable[str]) -> dict[str, int]:
        return {id_: self._t.runs[id_].number for id_ in run_ids if id_ in self._t.runs}

    def newest(self, limit: int, before: int | None = None) -> list[RunRecord]:
        found = [one for one in self._newest_first() if before is None or one.number < before]
        return found[:limit]

    def _newest_first(self) -> list[RunRecord]:
        return sorted(self._t.runs.values(), key=lambda one: one.number, reverse=True)

    def running(self) -> list[RunRecord]:
        return [run for run in reversed(self._newest_first()) if run.state == "running"]

    def last(self) -> RunRecord | None:
        return next((run for run in self._newest_first() if run.state != "skipped"), None)

    def previous(self, run: RunRecord) -> RunRecord | None:
        earlier = [one for one in self._newest_first() if one.number < run.number]
        finished = [one for one in earlier if one.state == "finished"]
        alike = (one for one in finished if one.schedule == run.schedule)
        return next(alike, finished[0] if finished else None)

    def last_slots(self) -> dict[str, datetime]:
        return dict(self._t.slots)

    def put_slot(self, schedule: str, slot: datetime) -> None:
        self._t.slots[schedule] = slot
