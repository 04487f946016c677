"""One transaction of results: raw, books, watermarks; what came before changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.domain.model import Evidence, JobRow, JobState
from stt_coordinator.ledger.answers import AnswerRecorder
from stt_coordinator.store.port import Ledger, RawResult, Rejected
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result, Watermark

MAX_REJECTED_BYTES = 4_096  # kept of a message that was not taken in
Outbox = tuple[str, str]  # worker, epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A result that may be entered, and the message it came in."""

    result: Result
    subject: str
    data: bytes
    traceparent: str = ""  # of the span that the worker sent it from


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """How many results were new, how many there already, and which were refused."""

    entered: int
    repeated: int
    refused: tuple[tuple[Result, Rejected], ...]
    results: tuple[Result, ...] = ()  # those that were entered


def record_results(
    ledger: Ledger, taken: Sequence[ReceivedResult], floors: Mapping[Outbox, int], now: datetime
) -> RecordedBatch:
    """Enter results; `floors` are positions up to which a worker may have dropped its own.

    A result of a job that is not known, or not this target's, is refused but counts as received:
    its worker has nothing better to send.
    """
    fresh = _add_raw(ledger, taken, now)
    jobs = ledger.jobs({one.result.job_id for one in fresh})
    refused = tuple(
        (one.result, rejected(code, reason, one, now))
        for one in fresh
        for code, reason in _objections(one.result, jobs.get(one.result.job_id))
    )
    accepted = [one.result for one in fresh if _fits(one.result, jobs.get(one.result.job_id))]
    books = AnswerRecorder(ledger, jobs.values(), now)
    for result in accepted:
        job = books.job(result.job_id)
        books.answer(result.job_id, _complete(job, result), _evidence(job, result, now), _DONE)
    books.close()
    ledger.add_rejected(what for _, what in refused)
    _move_watermarks(ledger, {(one.result.worker, one.result.epoch) for one in taken}, floors, now)
    return RecordedBatch(
        entered=len(accepted),
        repeated=len(taken) - len(fresh),
        refused=refused,
        results=tuple(accepted),
    )


_DONE = JobState.DONE


def _add_raw(
    ledger: Ledger, taken: Sequence[ReceivedResult], now: datetime
) -> list[ReceivedResult]:
    rows = [
        RawResult(
            worker=one.result.worker,
            epoch=one.result.epoch,
            sequence=one.result.sequence,
            job_id=one.result.job_id,
            received=now,
            data=one.data,
        )
        for one in taken
    ]
    return [one for one, new in zip(taken, ledger.add_results(rows), strict=True) if new]


def _fits(result: Result, job: JobRow | None) -> bool:
    return not list(_objections(result, job))


def _objections(result: Result, job: JobRow | None) -> Iterable[tuple[str, str]]:
    if job is None:
        yield "unknown_job", f"no job {result.job_id!r:.200} was planned here"
    elif (job.target, job.family, job.site) != (result.target, result.family, result.site):
        yield "wrong_job", f"job {job.job_id} is of target {job.target}, not {result.target}"


def rejected(code: str, reason: str, one: ReceivedResult, now: datetime) -> Rejected:
    """What is remembered of a message that was not taken in."""
    return Rejected(
        code=code, reason=reason, subject=one.subject, at=now, data=one.data[:MAX_REJECTED_BYTES]
    )


def _complete(job: JobRow, result: Result) -> list[CheckOutcome]:
    """An outcome for every check of the job: one that the worker left out was not checked."""
    said = {outcome.check: outcome for outcome in result.outcomes}
    return [
        said.get(ref.check)
        or CheckOutcome(
            check=ref.check,
            digest=ref.digest,
            outcome=Outcome.ERROR,
            kind=Kind.UNKNOWN_CHECK,
            reason=f"the result of worker {result.worker} says nothing of this check",
        )
        for ref in job.checks
    ]


def _evidence(job: JobRow, result: Result, now: datetime) -> Evidence:
    """Times that can be true: a worker's clock that is wrong must not order evidence for ever."""
    started = min(max(result.started, job.created), now)
    return Evidence(
        run_id=job.run_id,
        target=job.target,
        family=job.family,
        site=job.site,
        started=started,
        finished=min(max(result.finished, started), now),
        facts=result.facts,
    )


def _move_watermarks(
    ledger: Ledger, outboxes: Iterable[Outbox], floors: Mapping[Outbox, int], now: datetime
) -> None:
    moved: list[Watermark] = []
    for worker, epoch in sorted(outboxes):
        before = ledger.watermark(worker, epoch)
        reached = max(before or 0, floors.get((worker, epoch), 0))
        for sequence in ledger.sequences_after(worker, epoch, reached):
            if sequence != reached + 1:
                break
            reached = sequence
        if reached != before:
            moved.append(Watermark(worker=worker, epoch=epoch, sequence=reached))
    ledger.put_watermarks(moved, now)
