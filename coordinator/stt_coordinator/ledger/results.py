"""Record results: the rules of the one transaction in which a batch is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.domain.intake.admission import NOT_ANNOUNCED, UNKNOWN_JOB, Refusal, refusal_of
from stt_coordinator.domain.model import Evidence, JobRecord, JobState, Order
from stt_coordinator.ledger.answers import AnswerRecorder
from stt_coordinator.ledger.watermarks import (
    KnownOutboxes,
    Outbox,
    PassedOver,
    Position,
    move_watermarks,
)
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.identity import digest
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result

MAX_REJECTED_BYTES = 4_096  # kept of a message that was rejected
MAX_REASON = 500  # characters of what a worker says of all checks that it left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A result that was read, and the message it came in."""

    result: Result
    subject: str
    data: bytes
    traceparent: str = ""  # of the span that the worker sent it from
    may_wait: bool = False  # whether it may be delivered again a little later

    @property
    def outbox(self) -> Outbox:
        """The worker's outbox that numbered it."""
        return self.result.worker, self.result.epoch

    @property
    def position(self) -> Position:
        """Its place in that outbox."""
        return (*self.outbox, self.result.sequence)

    def raw(self, now: datetime, *, is_kept: bool, is_refused: bool = False) -> RawResult:
        """The row of its position; it keeps the bytes of what changed something."""
        return RawResult(
            worker=self.result.worker,
            epoch=self.result.epoch,
            sequence=self.result.sequence,
            job_id=self.result.job_id,
            received=now,
            data=self.data if is_kept else b"",
            content=digest(self.data),
            is_refused=is_refused,
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
class UnreadableResult:
    """A message that is not a result, and the position that it claims, if it has any."""

    row: Rejected
    position: RawResult | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """Whether a nonce is required, and whose results leave nothing behind when they are refused."""

    nonce_required: bool = True
    exceeded: frozenset[tuple[str, str]] = frozenset()  # site, worker


@dataclass(slots=True)
class _SortedBatch:
    """The results of a batch by what is done with them."""

    valid: list[ReceivedResult] = field(default_factory=list[ReceivedResult])
    refused: list[tuple[ReceivedResult, Refusal]] = field(
        default_factory=list[tuple[ReceivedResult, Refusal]]
    )
    waiting: set[Position] = field(default_factory=set[Position])
    strangers: set[Outbox] = field(default_factory=set[Outbox])  # with refused results
    old: list[ReceivedResult] = field(default_factory=list[ReceivedResult])
    dropped: list[tuple[ReceivedResult, Refusal]] = field(
        default_factory=list[tuple[ReceivedResult, Refusal]]
    )

    def by_position(self) -> list[tuple[ReceivedResult, Refusal | None]]:
        """What becomes a row, by position; at one position valid results come first.

        Two writers that insert the same positions in different orders wait for each other.
        """
        rows = [*((one, None) for one in self.valid), *self.refused]
        return sorted(rows, key=lambda row: (row[0].position, row[1] is not None))


def record_results(
    ledger: Ledger,
    received: Sequence[ReceivedResult],
    now: datetime,
    rules: IntakeRules,
) -> RecordedBatch:
    """Record a batch of results in one transaction. Idempotent: a known result changes nothing.

    A result that is refused counts as received, because its worker has nothing better to send; but
    it never stands in the way of another one at the same position. A result of a worker that does
    not announce the target yet waits for the announcement while it may.
    """
    # Before the jobs are read: of two batches with results of one target the second one has to see
    # what the first one changed. A result of another target than its job's is refused.
    ledger.locks.targets({one.result.target for one in received})
    jobs = ledger.jobs.by_id({one.result.job_id for one in received})
    batch = _sorted_batch(ledger, received, jobs, rules)
    recorder = AnswerRecorder(ledger, jobs.values(), now)
    recorded: list[Result] = []
    unused = [*batch.old, *(one for one, _ in (*batch.refused, *batch.dropped))]
    rejected: list[tuple[Result, Rejected]] = []
    repeated = len(batch.old)
    for one, refusal in batch.by_position():
        if refusal is not None:
            is_new = _is_new(ledger, one, batch, now)
            if is_new:
                rejected.append((one.result, one.rejected(refusal.code, refusal.reason, now)))
            repeated += not is_new
            continue
        job = jobs[one.result.job_id]
        evidence = evidence_of(job, one.result, recorder.order(job, one.result.dispatch), now)
        outcomes = complete_outcomes(job, one.result)
        is_needed = recorder.answers(job.job_id, outcomes, evidence)
        # Before the answer: of two results at one position in this batch the second is known.
        (is_new,) = ledger.results.add([one.raw(now, is_kept=is_needed)])
        if is_new:
            recorder.record(job.job_id, outcomes, evidence, JobState.DONE)
            recorded.append(one.result)
        if not is_new or not is_needed:
            unused.append(one)
        repeated += not is_new
    recorder.close()
    ledger.results.add_rejected(row for _, row in rejected)
    # Of repeated results too: the watermark that covered them may not have reached the worker.
    moved = {one.outbox for one in received if one.position not in batch.waiting}
    moved -= batch.strangers - {one.outbox for one in batch.valid}
    passed = {one.position for one, _ in batch.dropped}
    # Of valid results alone: their nonce proves that the worker itself states what it still has.
    floors = _floors(batch.valid)
    passed_over = move_watermarks(ledger, moved, now, floors=floors, passed=passed)
    return RecordedBatch(
        recorded=tuple(recorded),
        rejected=tuple(rejected),
        repeated=repeated,
        waiting=frozenset(batch.waiting),
        unused=tuple(unused),
        dropped=Counter(refusal.code for _, refusal in batch.dropped),
        passed_over=tuple(passed_over),
    )


def _is_new(ledger: Ledger, one: ReceivedResult, batch: _SortedBatch, now: datetime) -> bool:
    """Whether a refused result is at a position of its own; of strangers none is kept."""
    if one.outbox in batch.strangers:
        return True
    return all(ledger.results.add([one.raw(now, is_kept=False, is_refused=True)]))


def _floors(valid: Iterable[ReceivedResult]) -> dict[Outbox, int]:
    """By outbox the position up to which its worker has nothing any more.

    Never above a result that is recorded here: no message can raise a watermark above the store.
    """
    floors: dict[Outbox, int] = {}
    for one in valid:
        floor = min(one.result.oldest, one.result.sequence) - 1
        floors[one.outbox] = max(floor, floors.get(one.outbox, 0))
    return floors


def _sorted_batch(
    ledger: Ledger,
    received: Sequence[ReceivedResult],
    jobs: Mapping[str, JobRecord],
    rules: IntakeRules,
) -> _SortedBatch:
    """Sort the results by what is done with them."""
    batch = _SortedBatch()
    targets = ledger.fleet.targets({job.target for job in jobs.values()})
    for one in received:
        job = jobs.get(one.result.job_id)
        target = targets.get(job.target) if job else None
        refusal = refusal_of(one.result, job, target, nonce_required=rules.nonce_required)
        if refusal is None:
            batch.valid.append(one)
        elif refusal.code == NOT_ANNOUNCED and one.may_wait:
            batch.waiting.add(one.position)
        elif refusal.code == UNKNOWN_JOB and _is_covered(ledger, one):
            # Sent again long after its job was dropped here: known, not forged.
            batch.old.append(one)
        elif (one.result.site, one.result.worker) in rules.exceeded:
            batch.dropped.append((one, refusal))
        else:
            batch.refused.append((one, refusal))
    refused = {one.outbox for one, _ in (*batch.refused, *batch.dropped)}
    if refused:  # read only then: most batches have none
        known = KnownOutboxes.of(ledger)
        batch.strangers |= {outbox for outbox in refused if outbox not in known}
    return batch


def _is_covered(ledger: Ledger, one: ReceivedResult) -> bool:
    """Whether the watermark covers the result, and its row was dropped by age."""
    worker, epoch, sequence = one.position
    if sequence > (ledger.results.watermark(worker, epoch) or 0):
        return False
    return next(ledger.results.sequences_after(worker, epoch, sequence - 1), None) != sequence


def record_unreadable(ledger: Ledger, found: Sequence[UnreadableResult], now: datetime) -> None:
    """Keep messages that are not results, and count the positions that they claim as received.

    Without the positions the worker's outbox would never empty: its watermark stops at a gap.
    """
    known = KnownOutboxes.of(ledger)
    stated = (one.position for one in found if one.position is not None)
    claimed = (one for one in stated if (one.worker, one.epoch) in known)
    positions = sorted(claimed, key=lambda row: (row.worker, row.epoch, row.sequence))
    ledger.results.add(positions)
    ledger.results.add_rejected(one.row for one in found)
    move_watermarks(ledger, {(one.worker, one.epoch) for one in positions}, now)


def complete_outcomes(job: JobRecord, result: Result) -> list[CheckOutcome]:
    """An outcome for every check of the job: one that the worker left out was not checked."""
    kind, reason = Kind.TOO_LARGE, result.left_out[:MAX_REASON]
    if not reason:
        kind = Kind.UNKNOWN_CHECK
        reason = f"the result of worker {result.worker} has no outcome of this check"
    by_check = {outcome.check: outcome for outcome in result.outcomes}
    return [
        by_check.get(ref.check)
        or CheckOutcome(
            check=ref.check,
            digest=ref.digest,
            outcome=Outcome.ERROR,
            kind=kind,
            reason=reason,
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
