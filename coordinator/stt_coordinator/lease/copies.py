"""Compare a store with what this installation has recorded: an old copy of it lacks results."""

from __future__ import annotations

from typing import NamedTuple

from stt_coordinator.domain.intake.installations import outboxes_of
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import RawResult
from stt_shared.bus.port import Bus
from stt_shared.errors import ProtocolError
from stt_shared.identity import digest
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import OutboxMark, Result, Watermark

STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)


class Missing(NamedTuple):
    """Results of one outbox that were recorded and that the store does not have."""

    worker: str
    stored: int  # position up to which the store has them
    published: int  # position up to which the worker may drop them


async def missing_results(bus: Bus, store: Store) -> list[Missing]:
    """The outboxes of which the store has less than was published; empty for the newest copy.

    A worker that the store does not know may have been forgotten on purpose: it does not count.
    Raises UnreachableError and StoreError.
    """
    found: list[Missing] = []
    for one in await store.read(_marks):
        stored = await bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, one.worker))
        if stored is None or not stored.data:
            continue
        try:
            published = codec.decode(Watermark, stored.data)
        except ProtocolError:
            continue  # whoever acts says so, and writes it again
        own = OutboxMark(epoch=one.epoch, sequence=one.sequence)
        for mark in (own, *one.others):
            sequence = published.of(mark.epoch) or 0
            if sequence > mark.sequence:
                found.append(Missing(one.worker, mark.sequence, sequence))
    return found


async def has_last_acknowledged(bus: Bus, store: Store) -> bool:
    """Whether the store has the last result that a coordinator has acknowledged.

    A coordinator acknowledges what it has recorded, in the order of the stream, and what is above
    is delivered again: a copy of the store that lacks results of workers lacks this one. False if
    nothing shows it: NATS has no such message any more, or it is not a result. Raises
    UnreachableError and StoreError.
    """
    stored = await bus.acknowledged(subjects.STREAM_RESULTS, subjects.epoch_of_consumer)
    if stored is None:
        return False
    try:
        result = codec.decode(Result, stored.data)
    except ProtocolError:
        return False
    row = RawResult(
        worker=result.worker,
        epoch=result.epoch,
        sequence=result.sequence,
        job_id=result.job_id,
        received=result.finished,
        data=b"",
        content=digest(stored.data),  # not the position alone: anybody can send one
    )
    (is_new,) = await store.read(lambda ledger: ledger.results.are_new([row]))
    return not is_new


def _marks(ledger: Ledger) -> list[Watermark]:
    # Announced outboxes first, as they are published: those are the ones that count.
    return ledger.results.watermarks(outboxes_of(ledger.fleet.workers()))
