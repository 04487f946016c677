"""Publish which results of each worker are stored for good, so that it may drop them."""

from __future__ import annotations

from collections.abc import Sequence

from stt_coordinator.ledger.results import Outbox, move_watermarks
from stt_coordinator.store.port import Store
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import OutboxMark, Watermark
from stt_shared.telemetry.logs import logger

STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)
MAX_REMEMBERED = 10_000  # workers whose watermark of before is kept in memory
_LOG = logger("watermarks")


class Watermarks:
    """Publishes the watermarks of the store; `floor` reads one of an earlier store."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        self._published: dict[str, Watermark] = {}
        self._before: dict[str, Watermark] = {}

    async def publish(self) -> None:
        """Publish each watermark that differs from the last one that this process published.

        Raises UnreachableError and StoreError.
        """
        news = await self._unpublished()
        if await self._lift(news):
            news = await self._unpublished()
        receipts = await self._bus.publish(
            [
                Outgoing(
                    subject=subjects.kv(subjects.BUCKET_WATERMARK, one.worker),
                    data=codec.encode(one),
                )
                for one in news
            ]
        )
        for one, receipt in zip(news, receipts, strict=True):
            if receipt.publication is not Publication.STORED:
                raise UnreachableError(f"watermarks cannot be published ({receipt.reason})")
            self._published[one.worker] = one

    async def _unpublished(self) -> list[Watermark]:
        found = await self._store.read(lambda ledger: ledger.results.watermarks())
        return [one for one in found if self._published.get(one.worker) != one]

    async def _lift(self, found: Sequence[Watermark]) -> bool:
        """Lift watermarks of the store to those that were published before; whether there were any.

        After an old backup the store's are lower: published as they are, the positions between
        would be a gap that no worker can fill, and its outbox would never empty.
        """
        floors: dict[Outbox, int] = {}
        for one in found:
            own = OutboxMark(epoch=one.epoch, sequence=one.sequence)
            for mark in (own, *one.others):
                floor = await self.floor(one.worker, mark.epoch)
                if floor > mark.sequence:
                    floors[one.worker, mark.epoch] = floor
                    _LOG.warning(
                        "watermark_lifted",
                        worker=one.worker,
                        epoch=mark.epoch,
                        stored=mark.sequence,
                        published=floor,
                    )
        if floors:
            now = clock.now()
            await self._store.transact(lambda ledger: move_watermarks(ledger, floors, floors, now))
        return bool(floors)

    def forget(self) -> None:
        """Publish all of them again next time: the broker may have lost them."""
        self._published.clear()

    async def floor(self, worker: str, epoch: str) -> int:
        """The position that was published for this outbox before this process first heard of it.

        After a loss of the store the worker has dropped what it covers: it will never come again.
        """
        if worker not in self._before:
            # Names come from messages; what is read again is what this process has published.
            if len(self._before) >= MAX_REMEMBERED:
                self._before.clear()
            self._before[worker] = await self._read(worker)
        return self._before[worker].of(epoch) or 0

    async def _read(self, worker: str) -> Watermark:
        nothing = Watermark(worker=worker, epoch="", sequence=0)
        stored = await self._bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, worker))
        if stored is None or not stored.data:
            return nothing
        try:
            return codec.decode(Watermark, stored.data)
        except ProtocolError as error:
            _LOG.warning("watermark_rejected", worker=worker, reason=error.message)
            return nothing
