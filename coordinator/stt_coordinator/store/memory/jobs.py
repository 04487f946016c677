"""Jobs in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from stt_coordinator.domain.model import OUTSTANDING, JobRecord, JobState
from stt_coordinator.domain.run_counts import FailedChecks, counts_of_job, failed_checks
from stt_coordinator.store.memory.tables import Rows
from stt_shared.protocol.records import Counts


class MemoryJobs(Rows):
    """JobLedger in memory."""

    def put(self, jobs: Iterable[JobRecord]) -> None:
        self._t.jobs.update((job.job_id, job) for job in jobs)

    def by_id(self, ids: Iterable[str]) -> dict[str, JobRecord]:
        return {id_: self._t.jobs[id_] for id_ in ids if id_ in self._t.jobs}

    def _outstanding(self) -> list[JobRecord]:
        return [job for job in self._t.jobs.values() if job.state in OUTSTANDING]

    def _leading(self) -> list[JobRecord]:
        return [job for job in self._outstanding() if not job.follows]

    def followers(self, ids: Iterable[str]) -> list[JobRecord]:
        wanted = set(ids) - {""}
        return [job for job in self._outstanding() if job.follows in wanted]

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        wanted = set(targets)
        return {job.target: job for job in self._leading() if job.target in wanted}

    def waiting(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        wanted, seen = set(targets), set[str]()
        found: dict[str, JobRecord] = {}
        for job in self._leading():
            if job.target in seen & wanted and job.state is JobState.PENDING:
                found[job.target] = job
            seen.add(job.target)
        return found

    def open(self, limit: int) -> list[JobRecord]:
        return self._leading()[:limit]

    def dispatchable(self, now: datetime, limit: int) -> list[JobRecord]:
        first: dict[str, JobRecord] = {}
        for job in self._leading():
            first.setdefault(job.target, job)
        ready = (j for j in first.values() if j.state is JobState.PENDING and j.not_before <= now)
        return list(ready)[:limit]

    def overdue(self, now: datetime, limit: int) -> list[JobRecord]:
        late = [job for job in self._leading() if job.deadline <= now]
        return sorted(late, key=lambda job: job.deadline)[:limit]

    def due_after(self, latest: datetime, limit: int) -> list[JobRecord]:
        ahead = [job for job in self._leading() if job.deadline > latest]
        return sorted(ahead, key=lambda job: job.deadline)[:limit]

    def of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRecord]:
        mine = (j for j in self._t.jobs.values() if j.run_id == run_id and j.target >= first_target)
        return sorted(mine, key=lambda job: job.target)[:limit]

    def count_by_state(self, run_id: str) -> dict[JobState, int]:
        return dict(Counter(job.state for job in self._t.jobs.values() if job.run_id == run_id))

    def counts_of_run(self, run_id: str) -> list[tuple[Counts | None, int]]:
        mine = [job for job in self._t.jobs.values() if job.run_id == run_id]
        return [(counts_of_job(job.outcomes, _failed(job)), 1) for job in mine]

    def failed_of_run(self, run_id: str, targets: Iterable[str] | None) -> list[FailedChecks]:
        wanted = None if targets is None else set(targets)
        mine = [job for job in self._t.jobs.values() if job.run_id == run_id]
        found = [_failed(job) for job in mine if wanted is None or job.target in wanted]
        return [one for one in found if one.checks]


def _failed(job: JobRecord) -> FailedChecks:
    return failed_checks(job.target, job.site, job.outcomes)
