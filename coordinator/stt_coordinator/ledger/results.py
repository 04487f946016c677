"""Record results: the rules of the one transaction in which a batch is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from stt_coordinator.domain.answers import complete_outcomes, evidence_of
from stt_coordinator.domain.intake.admission import Refusal
from stt_coordinator.domain.model import Evidence, JobRecord, JobState
from stt_coordinator.ledger.answers import AnswerRecorder
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.sorted_batch import IntakeRules, SortedBatch, sorted_batch
from stt_coordinator.ledger.watermarks import PassedOver, Position, floors, move_watermarks
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import Rejected
from stt_shared.protocol.messages import CheckOutcome, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """The effect of a batch: results recorded, rejected with why, left for later, and unused.

    `unused` are the subjects and positions of those that changed nothing, `repeated` of these are
    known ones, `dropped` counts by code the refused ones of senders without budget. `passed_over`
    are positions that this store lacks and their worker no longer has.
    """

    recorded: tuple[Result, ...]
    rejected: tuple[tuple[Result, Rejected], ...]
    repeated: int
    waiting: frozenset[Position] = frozenset()
    unused: tuple[ReceivedResult, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    passed_over: tuple[PassedOver, ...] = ()
    stranger_positions: int = 0  # of `IntakeRules.stranger_positions`, used up
    new_outboxes: Mapping[str, int] = field(default_factory=dict[str, int])  # not announced


def record_results(
    ledger: Ledger, received: Sequence[ReceivedResult], now: datetime, rules: IntakeRules
) -> RecordedBatch:
    """Record a batch of results in one transaction. Idempotent: a known result changes nothing.

    A result that is refused counts as received, because its worker has nothing better to send; but
    it never stands in the way of another one at the same position. A result of a worker that does
    not announce the target yet waits for the announcement while it may.
    """
    jobs = _held_jobs(ledger, received)
    batch = sorted_batch(ledger, received, jobs, now, rules)
    recorder = AnswerRecorder(ledger, jobs.values(), now)
    recorded: list[Result] = []
    passed = [one.position for one, _ in batch.dropped]
    unused = batch.unused()
    rejected = _rejections(batch.without_position, now)
    repeated = len(batch.old)
    rows = batch.by_position()
    raws = [one.raw(now, is_refused=refusal is not None) for one, refusal in rows]
    # Of two results at one position in this batch the second is known.
    news = ledger.results.are_new(raws)
    kept = dict(enumerate(raws))
    for place, ((one, refusal), is_new) in enumerate(zip(rows, news, strict=True)):
        repeated += not is_new
        if refusal is not None:
            rejected += _rejections([(one, refusal)] if is_new else (), now)
            continue
        job = jobs[one.result.job_id]
        outcomes, evidence = _answer(recorder, job, one.result, now)
        is_needed = recorder.answers(job.job_id, outcomes, evidence)
        if is_needed:
            kept[place] = replace(kept[place], data=one.data)
        elif (one.result.site, one.result.worker) in rules.exceeded:
            # One nonce is enough for any number of results that are valid and no news.
            del kept[place]
            passed.append(one.position)
        if is_new:
            recorder.record(job.job_id, outcomes, evidence, JobState.DONE)
            recorded.append(one.result)
        if not is_new or not is_needed:
            unused.append(one)
    # Before everything else of the batch: the order of the locks. All at once: a statement for
    # each result would be a round trip to the database.
    ledger.results.add(list(kept.values()))
    recorder.close()
    ledger.results.add_rejected(row for _, row in rejected)
    passed_over = _move_watermarks(ledger, received, batch, passed, now)
    return RecordedBatch(
        recorded=tuple(recorded),
        rejected=tuple(rejected),
        repeated=repeated,
        waiting=frozenset(batch.waiting),
        unused=tuple(unused),
        dropped=Counter(refusal.code for _, refusal in batch.dropped),
        passed_over=tuple(passed_over),
        stranger_positions=batch.stranger_positions,
        new_outboxes=batch.new_outboxes,
    )


def _held_jobs(ledger: Ledger, received: Sequence[ReceivedResult]) -> dict[str, JobRecord]:
    """The jobs that results name, by id, with the targets of the results held."""
    # Before the jobs are read: of two batches with results of one target the second one has to see
    # what the first one changed. A result of another target than its job's is refused.
    ledger.locks.targets({one.result.target for one in received})
    return ledger.jobs.by_id({one.result.job_id for one in received})


def _answer(
    recorder: AnswerRecorder, job: JobRecord, result: Result, now: datetime
) -> tuple[Sequence[CheckOutcome], Evidence]:
    """One outcome for each check of the job, and the evidence that they are."""
    order = recorder.order(job, result.dispatch)
    return complete_outcomes(job, result), evidence_of(job, result, order, now)


def _rejections(
    refused: Iterable[tuple[ReceivedResult, Refusal]], now: datetime
) -> list[tuple[Result, Rejected]]:
    return [(one.result, one.rejected(why.code, why.reason, now)) for one, why in refused]


def _move_watermarks(
    ledger: Ledger,
    received: Sequence[ReceivedResult],
    batch: SortedBatch,
    passed: Collection[Position],
    now: datetime,
) -> Sequence[PassedOver]:
    # Of repeated results too: the watermark that covered them may not have reached the worker.
    moved = {one.outbox for one in received if one.position not in batch.waiting}
    moved -= batch.strangers - {one.outbox for one in batch.valid}
    # Only with a nonce, which shows that a worker of the site sent it. Never above a result that is
    # recorded here.
    stated = (
        (one.outbox, min(one.result.oldest, one.result.sequence) - 1)
        for one in batch.valid
        if one.result.nonce
    )
    return move_watermarks(ledger, moved, now, floors=floors(ledger, stated), passed=passed)
