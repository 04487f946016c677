"""Publish up to which position results of a worker are stored, so that it may drop them."""

from __future__ import annotations

from dataclasses import dataclass

from stt_coordinator.ledger.watermarks import published_watermarks
from stt_coordinator.store.port import Store
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import MAX_OTHER_OUTBOXES, OutboxMark, Watermark
from stt_shared.telemetry.logs import logger

STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)
SHOWN_S = 3_600.0  # how long the status names what was found in the bucket
MAX_KEPT = 100  # workers of which that is kept
MAX_NAMED = 5  # of them in the status
_LOG = logger("watermarks")


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A position in the bucket that this coordinator did not publish."""

    found: int
    stored: int
    at: float  # of the monotonic clock


class Watermarks:
    """Publishes the watermarks of the store, and nothing but those: the bucket is never believed.

    What the bucket has and this store does not was written by somebody else, or comes from a newer
    store than this one: it is named, and overwritten.
    """

    def __init__(self, bus: Bus, store: Store) -> None:
        self._bus = bus
        self._store = store
        # By worker: of those in the store, where no message of a stranger makes one. None: it is to
        # be published again.
        self._published: dict[str, Watermark | None] = {}
        self._wrong: dict[str, _Wrong] = {}  # by worker, oldest first

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence for each of the first workers whose watermark somebody else wrote."""
        recent = {w: one for w, one in self._wrong.items() if clock.monotonic() - one.at < SHOWN_S}
        return tuple(
            f"the watermark of worker {worker} on NATS was {one.found}, the store has {one.stored}:"
            f" another client writes into {subjects.BUCKET_WATERMARK}, or the store is an older"
            " copy; it was corrected"
            for worker, one in sorted(recent.items())[:MAX_NAMED]
        )

    async def publish(self) -> None:
        """Publish each watermark that differs from the last one that this process published.

        Raises UnreachableError and StoreError.
        """
        stored = await self._store.read(published_watermarks)
        news = [one for one in stored if self._published.get(one.worker) != one]
        for one in news:
            # Before it is overwritten: afterwards nobody could see that it was above the store.
            if one.worker not in self._published:
                self._compare(one, await self._read(one.worker))
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
            # After the broker has it: one that failed is published again with the next call.
            self._published[one.worker] = one

    async def verify(self) -> None:
        """Compare the bucket with what was published; the next `publish` writes what differs.

        The broker may have lost it, or somebody else may write there. Raises UnreachableError.
        """
        for worker, one in list(self._published.items()):
            found = await self._read(worker)
            # Published anew while this waited for the bucket: compared the next time.
            if one is None or found == one or self._published.get(worker) is not one:
                continue
            self._compare(one, found)
            self._published[worker] = None

    def _compare(self, own: Watermark, found: Watermark | None) -> None:
        """Name the first position of `found` that is above that of `own`."""
        for mark in _marks(found) if found is not None else ():
            stored = own.of(mark.epoch)
            if stored is None and len(own.others) >= MAX_OTHER_OUTBOXES:
                continue  # an outbox that newer ones of the name have pushed out
            stored = stored or 0
            # Below it is harmless: the worker keeps what it could drop, until this is corrected.
            if mark.sequence <= stored:
                continue
            worker = own.worker
            self._wrong.pop(worker, None)
            self._wrong[worker] = _Wrong(mark.sequence, stored, clock.monotonic())
            if len(self._wrong) > MAX_KEPT:
                del self._wrong[next(iter(self._wrong))]
            found_at = {"epoch": mark.epoch, "found": mark.sequence, "stored": stored}
            _LOG.error("watermark_foreign", worker=worker, **found_at)
            return

    async def _read(self, worker: str) -> Watermark | None:
        stored = await self._bus.last(STREAM, subjects.kv(subjects.BUCKET_WATERMARK, worker))
        if stored is None or not stored.data:
            return None
        try:
            return codec.decode(Watermark, stored.data)
        except ProtocolError as error:
            _LOG.warning("watermark_rejected", worker=worker, reason=error.message)
            return None


def _marks(one: Watermark) -> tuple[OutboxMark, ...]:
    return OutboxMark(epoch=one.epoch, sequence=one.sequence), *one.others
