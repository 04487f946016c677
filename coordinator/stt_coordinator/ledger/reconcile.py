"""Reconcile jobs without a result: publish them again, or give them up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import JobRecord, JobState, TargetRecord
from stt_coordinator.domain.plan import LONGEST_LIFE
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.answers import AnswerRecorder, give_up, hold_jobs
from stt_coordinator.store.port import Ledger
from stt_shared.identity import new_nonce
from stt_shared.protocol.enums import Kind, Outcome

LIMIT = 1_000  # jobs a transaction
MAX_AHEAD = timedelta(minutes=1)  # of a deadline beyond what the timing allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How many jobs were late, at most LIMIT, and those given up although a worker was up.

    `kept` are those that are published again, or wait for their turn.
    """

    number: int
    given_up: tuple[JobRecord, ...] = ()
    kept: tuple[JobRecord, ...] = ()


def reconcile(ledger: Ledger, now: datetime, timing: Timing) -> Reconciled:
    """Reconcile jobs whose deadline has passed.

    While a worker serves the target a job may wait for its turn until it expires. One that got
    lost is published again, `timing.max_dispatches` times in all.
    """
    found = ledger.jobs.overdue(now, LIMIT)
    # Asked again once they are held: an answer may have come while this transaction waited.
    late = [job for job in hold_jobs(ledger, found) if job.deadline <= now]
    recorder = AnswerRecorder(ledger, late, now)
    targets = ledger.fleet.targets({job.target for job in late})
    up = {worker.worker for worker in ledger.fleet.workers() if worker.state == "up"}
    kept: list[JobRecord] = []
    given_up: list[JobRecord] = []
    for job in late:
        target = targets.get(job.target)
        nobody = _nobody(job, target, up)
        reason = nobody or _too_late(job, now, timing)
        if reason:
            give_up(recorder, job, Outcome.ERROR, Kind.NO_WORKER, reason)
            if not nobody:
                given_up.append(job)
        else:
            kept.append(_once_more(job, targets[job.target], now, timing))
    ledger.jobs.put(sorted(kept, key=lambda job: job.job_id))
    recorder.close()
    return Reconciled(number=len(found), given_up=tuple(given_up), kept=tuple(kept))


def rewind(ledger: Ledger, now: datetime, timing: Timing) -> int:
    """Correct deadlines too far in the future; returns of how many jobs, at most LIMIT.

    A clock that was ahead set them: the jobs would be reconciled only when that time comes.
    """
    latest = now + timing.result_timeout + MAX_AHEAD
    found = ledger.jobs.due_after(latest, LIMIT)
    ahead = [job for job in hold_jobs(ledger, found) if job.deadline > latest]
    ledger.jobs.put(
        msgspec.structs.replace(
            job,
            not_before=min(job.not_before, now),
            deadline=now + timing.result_timeout,
            expires=min(job.expires, now + LONGEST_LIFE),
        )
        for job in sorted(ahead, key=lambda job: job.job_id)
    )
    return len(found)


def _nobody(job: JobRecord, target: TargetRecord | None, up: set[str]) -> str:
    """Why no worker can answer; empty: one can."""
    if target is None or target.gone:
        return f"target {job.target} is gone from the configuration of every worker"
    if not up.intersection(target.workers):
        return f"no worker of site {job.site} that serves {job.target} is up"
    return ""


def _too_late(job: JobRecord, now: datetime, timing: Timing) -> str:
    """Why the job is not published again; empty: it is."""
    if now >= job.expires:
        return "no worker answered before the job expired"
    if job.state is JobState.DISPATCHED and job.dispatch >= timing.max_dispatches:
        return f"no worker answered, the job was issued {job.dispatch} times"
    return ""


def _once_more(job: JobRecord, target: TargetRecord, now: datetime, timing: Timing) -> JobRecord:
    later = msgspec.structs.replace(job, deadline=now + timing.result_timeout)
    if job.state is JobState.PENDING:
        # A next attempt in the future was set by a clock that was ahead.
        return msgspec.structs.replace(later, not_before=min(job.not_before, now))
    return msgspec.structs.replace(
        later,
        state=JobState.PENDING,
        dispatch=job.dispatch + 1,
        not_before=now,
        # The earlier nonces stay: a slow worker's late answer is as good.
        nonces=(*job.nonces, new_nonce()),
        workers=tuple(sorted({*job.workers, *target.workers})),
    )


def end_all(ledger: Ledger, now: datetime, reason: str) -> int:
    """End outstanding jobs because checks were disabled; how many, at most LIMIT."""
    found = ledger.jobs.open(LIMIT)
    jobs = hold_jobs(ledger, found)
    recorder = AnswerRecorder(ledger, jobs, now)
    for job in jobs:
        give_up(recorder, job, Outcome.SKIPPED, Kind.DISABLED, reason)
    recorder.close()
    return len(found)
