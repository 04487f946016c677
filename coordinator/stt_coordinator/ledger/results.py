"""Record results: the rules of the one transaction in which a batch is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.domain.model import Evidence, JobRecord, JobState, Order
from stt_coordinator.ledger.answers import AnswerRecorder
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result, Watermark

MAX_REJECTED_BYTES = 4_096  # kept of a message that was rejected
Outbox = tuple[str, str]  # worker, epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A result that was read, and the message it came in."""

    result: Result
    subject: str
    data: bytes
    traceparent: str = ""  # of the span that the worker sent it from

    @property
    def outbox(self) -> Outbox:
        """The worker's outbox that numbered it."""
        return self.result.worker, self.result.epoch

    def raw(self, now: datetime) -> RawResult:
        """The row that keeps its bytes."""
        return RawResult(
            worker=self.result.worker,
            epoch=self.result.epoch,
            sequence=self.result.sequence,
            job_id=self.result.job_id,
            received=now,
            data=self.data,
        )

    def rejected(self, code: str, reason: str, now: datetime) -> Rejected:
        """The row that is kept of it when it cannot be recorded."""
        return Rejected(
            code=code,
            reason=reason,
            subject=self.subject,
            at=now,
            data=self.data[:MAX_REJECTED_BYTES],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """What became of a batch: results recorded, rejected with why, and how many were known."""

    recorded: tuple[Result, ...]
    rejected: tuple[tuple[Result, Rejected], ...]
    repeated: int


def record_results(
    ledger: Ledger, received: Sequence[ReceivedResult], floors: Mapping[Outbox, int], now: datetime
) -> RecordedBatch:
    """Record a batch of results in one transaction. Idempotent: a known result changes nothing.

    `floors` are positions up to which a worker may have dropped its results. A result of a job that
    is not known, or of another target, is rejected, and yet counts as received: its worker has
    nothing better to send.
    """
    added = ledger.results.add([one.raw(now) for one in received])
    new = [one for one, is_new in zip(received, added, strict=True) if is_new]
    # Of repeated results too: the watermark that covered them may not have reached the worker.
    move_watermarks(ledger, {one.outbox for one in received}, floors, now)
    jobs = ledger.jobs.by_id({one.result.job_id for one in new})
    recorder = AnswerRecorder(ledger, jobs.values(), now)
    recorded: list[Result] = []
    rejected: list[tuple[Result, Rejected]] = []
    for one in new:
        result, job = one.result, jobs.get(one.result.job_id)
        if job is None:
            reason = f"no job {result.job_id!r:.200} was planned here"
            rejected.append((result, one.rejected("unknown_job", reason, now)))
        elif (job.target, job.family, job.site) != (result.target, result.family, result.site):
            reason = f"job {job.job_id} is of target {job.target}, not {result.target}"
            rejected.append((result, one.rejected("wrong_job", reason, now)))
        else:
            order = recorder.order(job, max(result.dispatch, 1))
            evidence = evidence_of(job, result, order, now)
            recorder.record(job.job_id, complete_outcomes(job, result), evidence, JobState.DONE)
            recorded.append(result)
    recorder.close()
    ledger.results.add_rejected(row for _, row in rejected)
    return RecordedBatch(
        recorded=tuple(recorded), rejected=tuple(rejected), repeated=len(received) - len(new)
    )


def complete_outcomes(job: JobRecord, result: Result) -> list[CheckOutcome]:
    """An outcome for every check of the job: one that the worker left out was not checked."""
    by_check = {outcome.check: outcome for outcome in result.outcomes}
    return [
        by_check.get(ref.check)
        or CheckOutcome(
            check=ref.check,
            digest=ref.digest,
            outcome=Outcome.ERROR,
            kind=Kind.UNKNOWN_CHECK,
            reason=f"the result of worker {result.worker} has no outcome of this check",
        )
        for ref in job.checks
    ]


def evidence_of(job: JobRecord, result: Result, order: Order, now: datetime) -> Evidence:
    """Where and when the result was obtained: its times lie between the job's creation and `now`.

    The times are for people to read, `order` decides what is newer.
    """
    started = min(max(result.started, job.created), now)
    return Evidence(
        order=order,
        run_id=job.run_id,
        target=job.target,
        family=job.family,
        site=job.site,
        started=started,
        finished=min(max(result.finished, started), now),
        facts=result.facts,
    )


def move_watermarks(
    ledger: Ledger, outboxes: Iterable[Outbox], floors: Mapping[Outbox, int], now: datetime
) -> None:
    """Move each outbox's watermark up to its first gap: the worker drops what it covers."""
    moved: list[Watermark] = []
    for worker, epoch in sorted(outboxes):
        before = ledger.results.watermark(worker, epoch)
        reached = max(before or 0, floors.get((worker, epoch), 0))
        for sequence in ledger.results.sequences_after(worker, epoch, reached):
            if sequence != reached + 1:
                break
            reached = sequence
        if reached != before:
            moved.append(Watermark(worker=worker, epoch=epoch, sequence=reached))
    ledger.results.put_watermarks(moved, now)
