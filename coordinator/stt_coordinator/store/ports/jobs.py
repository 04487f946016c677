"""The port of jobs: what is still to be done, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from stt_coordinator.domain.model import JobRecord, JobState
from stt_coordinator.domain.run_counts import FailedChecks
from stt_shared.protocol.records import Counts


class JobLedger(Protocol):
    """Jobs by their id, in the order in which they were first put.

    Outstanding means state pending or dispatched. A leading job follows no other one.
    """

    def put(self, jobs: Iterable[JobRecord]) -> None:
        """Insert or replace; a replaced job keeps its place, and has the same run and target."""
        ...

    def by_id(self, ids: Iterable[str]) -> dict[str, JobRecord]:
        """The jobs of these ids that exist, by id."""
        ...

    def followers(self, ids: Iterable[str]) -> list[JobRecord]:
        """Outstanding jobs that follow one of these, in order; an empty id has no followers."""
        ...

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        """The newest outstanding leading job of each of these targets that has one, by target."""
        ...

    def waiting(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        """The newest pending leading job of each of these targets that waits behind an earlier one.

        No worker has received it, so its result will be newer than now.
        """
        ...

    def open(self, limit: int) -> list[JobRecord]:
        """Outstanding leading jobs, in order."""
        ...

    def dispatchable(self, now: datetime, limit: int) -> list[JobRecord]:
        """Pending leading jobs with `not_before` <= `now`, in order.

        Left out are those whose target has an earlier outstanding leading job.
        """
        ...

    def overdue(self, now: datetime, limit: int) -> list[JobRecord]:
        """Outstanding leading jobs with `deadline` <= `now`, by deadline, then in order."""
        ...

    def due_after(self, latest: datetime, limit: int) -> list[JobRecord]:
        """Outstanding leading jobs with `deadline` > `latest`, by deadline, then in order."""
        ...

    def of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRecord]:
        """Jobs of a run whose target is >= `first_target`, by target."""
        ...

    def count_by_state(self, run_id: str) -> dict[JobState, int]:
        """The number of jobs of a run in each state that occurs."""
        ...

    def counts_of_run(self, run_id: str) -> list[tuple[Counts | None, int]]:
        """What the jobs of a run count for without suppressions, and how many count for it.

        None stands for jobs that a release without these counts recorded.
        """
        ...

    def failed_of_run(self, run_id: str, targets: Iterable[str] | None) -> list[FailedChecks]:
        """The findings of those jobs of a run that have any, also of `targets` alone."""
        ...
