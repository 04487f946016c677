"""Jobs in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_coordinator.domain.model import JobRecord, JobState
from stt_coordinator.domain.run_counts import FailedChecks, counts_of_job, failed_checks
from stt_coordinator.store.sql.rows import Columns, listed, packed, text, unpacked
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.records import Counts


class SqlJobs(Statements):
    """JobLedger in SQL."""

    sql = queries("jobs")

    def put(self, jobs: Iterable[JobRecord]) -> None:
        self._each("put", map(columns, jobs))

    def by_id(self, ids: Iterable[str]) -> dict[str, JobRecord]:
        return {job.job_id: job for job in self._all(JobRecord, "by_id", ids=listed(ids))}

    def followers(self, ids: Iterable[str]) -> list[JobRecord]:
        return self._all(JobRecord, "followers", ids=listed(ids))

    def outstanding(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        return {j.target: j for j in self._all(JobRecord, "outstanding", targets=listed(targets))}

    def waiting(self, targets: Iterable[str]) -> dict[str, JobRecord]:
        return {j.target: j for j in self._all(JobRecord, "waiting", targets=listed(targets))}

    def open(self, limit: int) -> list[JobRecord]:
        return self._all(JobRecord, "open", limit=limit)

    def dispatchable(self, now: datetime, limit: int) -> list[JobRecord]:
        return self._all(JobRecord, "dispatchable", now=text(now), limit=limit)

    def overdue(self, now: datetime, limit: int) -> list[JobRecord]:
        return self._all(JobRecord, "overdue", now=text(now), limit=limit)

    def due_after(self, latest: datetime, limit: int) -> list[JobRecord]:
        return self._all(JobRecord, "due_after", latest=text(latest), limit=limit)

    def of_run(self, run_id: str, first_target: str, limit: int) -> list[JobRecord]:
        return self._all(JobRecord, "of_run", run_id=run_id, first_target=first_target, limit=limit)

    def count_by_state(self, run_id: str) -> dict[JobState, int]:
        return {JobState(state): n for state, n in self._run("count_by_state", run_id=run_id)}

    def counts_of_run(self, run_id: str) -> list[tuple[Counts | None, int]]:
        found = self._run("counts_of_run", run_id=run_id)
        return [
            (None if data is None else unpacked(Counts, data.encode()), number)
            for data, number in found
        ]

    def failed_of_run(self, run_id: str, targets: Iterable[str] | None) -> list[FailedChecks]:
        if targets is None:
            return self._all(FailedChecks, "failed_of_run", run_id=run_id)
        names = listed(targets)
        return self._all(FailedChecks, "failed_of_targets", run_id=run_id, targets=names)


def columns(job: JobRecord) -> Columns:
    """The columns of a job."""
    failed = failed_checks(job.target, job.site, job.outcomes)
    return {
        "job_id": job.job_id,
        "run_id": job.run_id,
        "target": job.target,
        "state": str(job.state),
        "follows": job.follows,
        "deadline": text(job.deadline),
        "not_before": text(job.not_before),
        "data": packed(job),
        "counts": packed(counts_of_job(job.outcomes, failed)).decode(),
        "failed": packed(failed) if failed.checks else None,
    }
