"""Move watermarks: up to which position of a worker's outbox every result was received."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from stt_coordinator.domain.intake.installations import outboxes_of
from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.messages import Watermark

MAX_GAP = 1_000_000_000  # above it a worker follows no watermark
Outbox = tuple[str, str]  # worker, epoch
Position = tuple[str, str, int]  # worker, epoch, sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Positions of an outbox that the watermark passed: from `stored` + 1 up to `oldest` - 1."""

    worker: str
    epoch: str
    stored: int
    oldest: int


@dataclass(frozen=True, slots=True)
class KnownOutboxes:
    """The outboxes of the workers of the registry; a worker of an early release states none.

    Only these count positions that were refused: each name and each id that somebody invents would
    otherwise be a row, a watermark on NATS, and one of the few that a watermark has room for.
    """

    outboxes: frozenset[Outbox]

    @classmethod
    def of(cls, ledger: Ledger) -> KnownOutboxes:
        """Those of all workers that the store has now."""
        return cls(outboxes_of(ledger.fleet.workers()))

    def __contains__(self, outbox: Outbox) -> bool:
        return outbox in self.outboxes or (outbox[0], "") in self.outboxes


def published_watermarks(ledger: Ledger) -> list[Watermark]:
    """What the store has for each worker; those of announced outboxes always have a place."""
    return ledger.results.watermarks(outboxes_of(ledger.fleet.workers()))


def move_watermarks(
    ledger: Ledger,
    outboxes: Iterable[Outbox],
    now: datetime,
    *,
    floors: Mapping[Outbox, int] | None = None,
    passed: Collection[Position] = (),
) -> list[PassedOver]:
    """Move each outbox's watermark up to its first gap: the worker drops what it covers.

    `passed` are positions that were received and have no row. A gap up to the floor of its outbox
    is passed over and returned: after the restore of an old backup nothing would ever fill it.
    """
    moved: list[Watermark] = []
    gaps: list[PassedOver] = []
    ordered = sorted(outboxes)
    # Before positions are read: of two writers each sees its own new ones alone, and the
    # watermark would stop at a gap that the other one fills.
    ledger.locks.outboxes(ordered)
    for worker, epoch in ordered:
        before = ledger.results.watermark(worker, epoch)
        others = [at for w, e, at in passed if (w, e) == (worker, epoch)]
        reached = _first_gap(ledger, (worker, epoch), before or 0, others)
        floor = (floors or {}).get((worker, epoch), 0)
        if floor > reached:
            gaps.append(PassedOver(worker=worker, epoch=epoch, stored=reached, oldest=floor + 1))
            reached = _first_gap(ledger, (worker, epoch), floor, others)
        if reached != before:
            moved.append(Watermark(worker=worker, epoch=epoch, sequence=reached))
    ledger.results.put_watermarks(moved, now)
    return gaps


def floors(ledger: Ledger, stated: Iterable[tuple[Outbox, int]]) -> dict[Outbox, int]:
    """By outbox the position up to which its worker states that it has nothing any more.

    Only of outboxes that a worker announces, and no further above the watermark than its worker
    would follow: anyone with a job may state anything in the name of another.
    """
    highest: dict[Outbox, int] = {}
    for outbox, floor in stated:
        highest[outbox] = max(floor, highest.get(outbox, 0))
    marks = {outbox: ledger.results.watermark(*outbox) or 0 for outbox in highest}
    above = {one: floor for one, floor in highest.items() if 0 < floor - marks[one] <= MAX_GAP}
    if not above:  # nearly always; the registry is read only then
        return {}
    known = KnownOutboxes.of(ledger)
    return {outbox: floor for outbox, floor in above.items() if outbox in known}


def move_new_watermarks(
    ledger: Ledger, known: Iterable[WorkerRecord], heard: Iterable[WorkerRecord], now: datetime
) -> None:
    """Move those of outboxes that are announced for the first time and have positions already.

    Their first results came before the announcement; no message brings them again.
    """
    begun = {
        one
        for one in outboxes_of(heard) - outboxes_of(known)
        if next(ledger.results.sequences_after(*one, 0), None) is not None
    }
    if begun:
        move_watermarks(ledger, begun, now)


def _first_gap(ledger: Ledger, outbox: Outbox, reached: int, others: Iterable[int]) -> int:
    """The last position of those that follow `reached` without a gap, `others` included."""
    above = sorted(at for at in others if at > reached)
    for sequence in merge(ledger.results.sequences_after(*outbox, reached), above):
        if sequence > reached + 1:
            break
        reached = sequence
    return reached
