"""The port of runs and of the slots that schedules have reached."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from stt_shared.protocol.records import RunRecord


class Place(NamedTuple):
    """The place of a row in an order by instant (text of `clock.to_text`), then by id."""

    at: str
    id: str


class RunLedger(Protocol):
    """Runs by their id, in the order of their numbers."""

    def get(self, run_id: str) -> RunRecord | None:
        """The run of that id, or None."""
        ...

    def put(self, run: RunRecord) -> None:
        """Insert or replace a run; its id, schedule and slot never change."""
        ...

    def next_number(self) -> int:
        """The number of the next run: above all that this store ever gave, pruned runs too."""
        ...

    def numbers(self, run_ids: Iterable[str]) -> dict[str, int]:
        """The numbers of the runs of these ids that exist, by id."""
        ...

    def newest(self, limit: int, before: int | None = None) -> list[RunRecord]:
        """Runs in descending order, those with a number below `before` if it is given."""
        ...

    def running(self) -> list[RunRecord]:
        """The runs in state `running`, in ascending order."""
        ...

    def last(self) -> RunRecord | None:
        """The last run in order whose state is not `skipped`."""
        ...

    def previous(self, run: RunRecord) -> RunRecord | None:
        """The last `finished` run with a lower number: of the same schedule, else of any."""
        ...

    def last_slots(self) -> dict[str, datetime]:
        """The slot of each schedule that was planned or skipped last, by schedule."""
        ...

    def put_slot(self, schedule: str, slot: datetime) -> None:
        """Remember that this slot was planned or skipped last, whatever instant it is."""
        ...
