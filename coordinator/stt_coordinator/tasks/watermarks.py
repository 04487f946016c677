"""Publish which results of each worker are stored for good, so that it may drop them."""

from __future__ import annotations

from stt_coordinator.store.port import Store
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from stt_shared.telemetry.logs import logger

STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)
_LOG = logger("watermarks")


class Watermarks:
    """Publishes the watermarks of the store; `floor` reads one of an earlier store."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        self._published: dict[str, Watermark] = {}
        self._floors: dict[tuple[str, str], int] = {}

    async def publish(self) -> None:
        """Publish each watermark that differs from the last one that this process published.

        Raises UnreachableError and StoreError.
        """
        found = await self._store.read(lambda ledger: ledger.results.watermarks())
        news = [one for one in found if self._published.get(one.worker) != one]
        receipts = await self._bus.publish([_message(one) for one in news])
        for one, receipt in zip(news, receipts, strict=True):
            if receipt.publication is not Publication.STORED:
                raise UnreachableError(f"watermarks cannot be published ({receipt.reason})")
            self._published[one.worker] = one

    def forget(self) -> None:
        """Publish all of them again next time: the broker may have lost them."""
        self._published.clear()

    async def floor(self, worker: str, epoch: str) -> int:
        """The position that was published for this outbox before this process first heard of it.

        After a loss of the store the worker has dropped what it covers: it will never come again.
        """
        key = (worker, epoch)
        if key not in self._floors:
            self._floors[key] = await self._read(worker, epoch)
        return self._floors[key]

    async def _read(self, worker: str, epoch: str) -> int:
        stored = await self._bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, worker))
        if stored is None or not stored.data:
            return 0
        try:
            watermark = codec.decode(Watermark, stored.data)
        except ProtocolError as error:
            _LOG.warning("watermark_rejected", worker=worker, reason=error.message)
            return 0
        return watermark.sequence if watermark.epoch == epoch else 0


def _message(watermark: Watermark) -> Outgoing:
    subject = subjects.kv(subjects.BUCKET_WATERMARK, watermark.worker)
    return Outgoing(subject=subject, data=codec.encode(watermark))
