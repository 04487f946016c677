"""Compare a store with what this installation has recorded: an old copy of it lacks results."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from stt_coordinator.domain.intake.installations import outboxes_of
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import RawResult
from stt_shared.bus.port import Bus
from stt_shared.errors import ConfigError, ProtocolError
from stt_shared.identity import digest
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import OutboxMark, Result, Watermark

STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)


class Missing(NamedTuple):
    """Results of one outbox that were recorded and that the store does not have."""

    worker: str
    stored: int  # position up to which the store has them
    published: int  # position up to which the worker may drop them


async def require_newest(bus: Bus, store: Store, *, is_shared: bool) -> None:
    """Raise ConfigError if the store lacks results that a worker has dropped as recorded.

    `is_shared`: several coordinators acknowledge results, in another order than that of the stream.
    Raises UnreachableError and StoreError.
    """
    missing = await missing_results(bus, store)
    # A position that no coordinator published: the leader names it, and writes its own again.
    if not missing or (not is_shared and await has_last_acknowledged(bus, store)):
        return
    one = missing[0]
    more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise ConfigError(
        f"the store {store.identity} is older than this installation: it has the results of worker"
        f" {one.worker} up to {one.stored}, and {one.published} were recorded{more}",
        hint="restore a newer backup, or start the coordinator with the newest copy; to go on"
        " without what is missing: stt coordinator --adopt",
    )


async def missing_results(bus: Bus, store: Store) -> list[Missing]:
    """The outboxes of which the store has less than was published; empty for the newest copy.

    A worker that the store does not know may have been forgotten on purpose: it does not count.
    Raises UnreachableError and StoreError.
    """
    published: dict[str, Watermark] = {}
    for one in await store.read(_marks):
        stored = await bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, one.worker))
        if stored is None or not stored.data:
            continue
        with suppress(ProtocolError):  # the leader says so, and writes it again
            published[one.worker] = codec.decode(Watermark, stored.data)
    found: list[Missing] = []
    # Read again: the leader may have recorded and published more while the bucket was read.
    for one in await store.read(_marks):
        if one.worker not in published:
            continue
        own = OutboxMark(epoch=one.epoch, sequence=one.sequence)
        for mark in (own, *one.others):
            sequence = published[one.worker].of(mark.epoch) or 0
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
