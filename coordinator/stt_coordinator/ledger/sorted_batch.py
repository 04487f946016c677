"""Sort a batch of received results by what is done with each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.domain.intake.admission import (
    NOT_ANNOUNCED,
    UNANNOUNCED_OUTBOX,
    UNKNOWN_JOB,
    Refusal,
    refusal_of,
    replayed,
)
from stt_coordinator.domain.intake.installations import outboxes_of
from stt_coordinator.domain.model import JobRecord
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.replays import replays
from stt_coordinator.ledger.watermarks import KnownOutboxes, Outbox, Position
from stt_coordinator.store.port import Ledger

MAX_NEW_OUTBOXES = 8  # in a day, of one worker that does not announce them


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRules:
    """Whether a nonce is required, and what refused results may leave behind.

    `stranger_positions` is how many of outboxes that the store does not know may take a position,
    `new_outboxes` how many outboxes a worker may begin without announcing them.
    """

    nonce_required: bool = True
    exceeded: frozenset[tuple[str, str]] = frozenset()  # site, worker
    stranger_positions: int = 0
    new_outboxes: Callable[[str], int] = lambda _worker: MAX_NEW_OUTBOXES


@dataclass(slots=True)
class SortedBatch:
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
    new_outboxes: Counter[str] = field(default_factory=Counter[str])  # by worker
    stranger_positions: int = 0  # that were used up

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

    def part_from_unannounced(self, ledger: Ledger, left: Callable[[str], int]) -> Counter[str]:
        """Take out valid results of new outboxes that their worker does not announce.

        As many of each worker may stay as `left` tells; returns how many there were. Whoever has
        the credential of a worker can invent one for each result, and each is a row for ever.
        """
        outboxes = {one.outbox for one in self.valid}
        new = {outbox for outbox in outboxes if ledger.results.watermark(*outbox) is None}
        if not new:  # nearly always; the registry is read only then
            return Counter()
        # Exactly: a worker that announces no epoch must not vouch for every one.
        new -= outboxes_of(ledger.fleet.workers())
        number: Counter[str] = Counter()
        refused: set[Outbox] = set()
        for worker, epoch in sorted(new):
            number[worker] += 1
            if number[worker] > left(worker):
                refused.add((worker, epoch))
        for one in [one for one in self.valid if one.outbox in refused]:
            self.valid.remove(one)
            if one.may_wait:  # a genuine one announces itself meanwhile
                self.waiting.add(one.position)
            else:
                self.without_position.append((one, _unannounced(one)))
        self.strangers |= refused
        return number


def _unannounced(one: ReceivedResult) -> Refusal:
    what = f"worker {one.result.worker} does not announce outbox {one.result.epoch}"
    return Refusal(code=UNANNOUNCED_OUTBOX, reason=f"{what}, and began too many such ones today")


def sorted_batch(
    ledger: Ledger,
    received: Sequence[ReceivedResult],
    jobs: Mapping[str, JobRecord],
    now: datetime,
    rules: IntakeRules,
) -> SortedBatch:
    """Sort the results by what is done with them."""
    batch = SortedBatch()
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
    batch.part_from_replays(replays(ledger, batch.valid, jobs, now), rules.exceeded)
    batch.new_outboxes = batch.part_from_unannounced(ledger, rules.new_outboxes)
    batch.stranger_positions = batch.part_from_strangers(ledger, rules.stranger_positions)
    return batch


def _is_covered(ledger: Ledger, one: ReceivedResult) -> bool:
    """Whether the watermark covers the result, and its row was dropped by age."""
    worker, epoch, sequence = one.position
    if sequence > (ledger.results.watermark(worker, epoch) or 0):
        return False
    return next(ledger.results.sequences_after(worker, epoch, sequence - 1), None) != sequence
