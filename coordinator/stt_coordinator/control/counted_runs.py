"""The counts of runs that the first page of a report had, for the pages that follow."""

from __future__ import annotations

from datetime import datetime, timedelta

from stt_shared.protocol.records import Counts

MAX_RUNS = 32  # the one counted longest ago is dropped
MAX_AGE = timedelta(minutes=10)


class CountedRuns:
    """To count a run all its jobs are read, 20,000 of a large fleet: not again for each page.

    All pages of a report have the same counts then, too. For the thread of the event loop alone.
    """

    def __init__(self) -> None:
        self._counted: dict[str, tuple[datetime, Counts]] = {}

    def get(self, run_id: str, now: datetime) -> Counts | None:
        """The counts of a run if they were computed in the last MAX_AGE."""
        at, counts = self._counted.get(run_id, (None, None))
        # Not those of the future either: the clock went back since.
        return counts if at is not None and timedelta() <= now - at <= MAX_AGE else None

    def put(self, run_id: str, counts: Counts, now: datetime) -> None:
        """Keep the counts of a run as of `now`."""
        self._counted.pop(run_id, None)
        self._counted[run_id] = (now, counts)
        while len(self._counted) > MAX_RUNS:
            del self._counted[next(iter(self._counted))]
