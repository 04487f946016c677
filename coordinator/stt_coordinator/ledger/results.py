"""Record results: the rules of the one transaction in which a batch is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from stt_coordinator.domain.answers import complete_outcomes, evidence_of
from stt_coordinator.domain.intake.admission import (
    NOT_ANNOUNCED,
    UNKNOWN_JOB,
    Refusal,
    refusal_of,
    replayed,
)
from stt_coordinator.domain.model import JobRecord, JobState
from stt_coordinator.ledger.answers import AnswerRecorder
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.replays import replays
from stt_coordinator.ledger.watermarks import (
    KnownOutboxes,
    Outbox,
    PassedOver,
    Position,
    floors,
    move_watermarks,
)
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import Rejected
from stt_shared.protocol.messages import Result


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """Whether a nonce is required, and what refused results may leave behind.

    `stranger_positions` is how many of outboxes that the store does not know may take a position.
    """

    nonce_required: bool = True
    exceeded: frozenset[tuple[str, str]] = frozenset()  # site, worker
    stranger_positions: int = 0


@dataclass(slots=True)
class _SortedBatch:
    """The results of a batch by what is done with them."""

    valid: list[ReceivedResult] = field(default_factory=list[ReceivedResult])
    refused: list[tuple[ReceivedResult, Refusal]] = field(
        default_factory=list[tuple[ReceivedResult, Refusal]]
    )
    waiting: set[Position] = field(default_factory=set[Position])
    strangers: set[Outbox] = field(default_factory=set[Outbox])  # with refused results
    without_position: list[tuple[ReceivedResult, Refusal]] = field(
        default_factory=list[tuple[ReceivedResult, Refusal]]
    )
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

    def unused(self) -> list[ReceivedResult]:
        """What changes nothing."""
        refused = (*self.refused, *self.without_position, *self.dropped)
        return [*self.old, *(one for one, _ in refused)]

    def part_from_replays(
        self, again: Sequence[ReceivedResult], exceeded: Collection[tuple[str, str]]
    ) -> None:
        """Refuse `again`, whose executions are recorded from other messages."""
        kept = {id(one) for one in self.valid} - {id(one) for one in again}
        self.valid = [one for one in self.valid if id(one) in kept]
        for one in again:
            is_exceeded = (one.result.site, one.result.worker) in exceeded
            (self.dropped if is_exceeded else self.refused).append((one, replayed(one.result)))

    def part_from_strangers(self, ledger: Ledger, left: int) -> int:
        """Take the refused results of unknown outboxes out, but for the first `left`; their number.

        A worker that announces itself a moment after its results needs their positions: NATS drops
        what it sends again. Invented outboxes must not fill the store.
        """
        if not self.refused and not self.dropped:
            return 0
        known = KnownOutboxes.of(ledger)  # read only here: most batches have none
        kept: list[tuple[ReceivedResult, Refusal]] = []
        used = 0
        for row in self.refused:
            if row[0].outbox in known:
                kept.append(row)
                continue
            self.strangers.add(row[0].outbox)
            if used < left:
                used += 1
                kept.append(row)
            else:
                self.without_position.append(row)
        self.refused = kept
        self.strangers |= {one.outbox for one, _ in self.dropped if one.outbox not in known}
        return used


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
    batch.part_from_replays(replays(ledger, batch.valid, jobs, now), rules.exceeded)
    used = batch.part_from_strangers(ledger, rules.stranger_positions)
    recorder = AnswerRecorder(ledger, jobs.values(), now)
    recorded: list[Result] = []
    unused = batch.unused()
    rejected, repeated = _rejections(batch.without_position, now), len(batch.old)
    rows = batch.by_position()
    raws = [one.raw(now, is_refused=refusal is not None) for one, refusal in rows]
    # Of two results at one position in this batch the second is known.
    news = ledger.results.are_new(raws)
    for place, ((one, refusal), is_new) in enumerate(zip(rows, news, strict=True)):
        repeated += not is_new
        if refusal is not None:
            if is_new:
                rejected += _rejections([(one, refusal)], now)
            continue
        job = jobs[one.result.job_id]
        evidence = evidence_of(job, one.result, recorder.order(job, one.result.dispatch), now)
        outcomes = complete_outcomes(job, one.result)
        is_needed = recorder.answers(job.job_id, outcomes, evidence)
        if is_needed:
            raws[place] = replace(raws[place], data=one.data)
        if is_new:
            recorder.record(job.job_id, outcomes, evidence, JobState.DONE)
            recorded.append(one.result)
        if not is_new or not is_needed:
            unused.append(one)
    # Before everything else of the batch: the order of the locks. All at once: a statement for
    # each result would be a round trip to the database.
    ledger.results.add(raws)
    recorder.close()
    ledger.results.add_rejected(row for _, row in rejected)
    passed_over = _move_watermarks(ledger, received, batch, now)
    return RecordedBatch(
        recorded=tuple(recorded),
        rejected=tuple(rejected),
        repeated=repeated,
        waiting=frozenset(batch.waiting),
        unused=tuple(unused),
        dropped=Counter(refusal.code for _, refusal in batch.dropped),
        passed_over=tuple(passed_over),
        stranger_positions=used,
    )


def _rejections(
    refused: Iterable[tuple[ReceivedResult, Refusal]], now: datetime
) -> list[tuple[Result, Rejected]]:
    return [(one.result, one.rejected(why.code, why.reason, now)) for one, why in refused]


def _move_watermarks(
    ledger: Ledger, received: Sequence[ReceivedResult], batch: _SortedBatch, now: datetime
) -> Sequence[PassedOver]:
    # Of repeated results too: the watermark that covered them may not have reached the worker.
    moved = {one.outbox for one in received if one.position not in batch.waiting}
    moved -= batch.strangers - {one.outbox for one in batch.valid}
    passed = {one.position for one, _ in batch.dropped}
    # Only with a nonce, which shows that a worker of the site sent it. Never above a result that is
    # recorded here.
    stated = (
        (one.outbox, min(one.result.oldest, one.result.sequence) - 1)
        for one in batch.valid
        if one.result.nonce
    )
    return move_watermarks(ledger, moved, now, floors=floors(ledger, stated), passed=passed)


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
    return batch


def _is_covered(ledger: Ledger, one: ReceivedResult) -> bool:
    """Whether the watermark covers the result, and its row was dropped by age."""
    worker, epoch, sequence = one.position
    if sequence > (ledger.results.watermark(worker, epoch) or 0):
        return False
    return next(ledger.results.sequences_after(worker, epoch, sequence - 1), None) != sequence
