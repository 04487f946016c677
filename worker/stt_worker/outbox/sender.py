"""Publishes results until NATS has stored them, and again if the coordinator seems to lack them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from stt_shared import clock
from stt_shared.backoff import Backoff
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import logger
from stt_worker.outbox.port import Outbox, OutboxError, Row
from stt_worker.outbox.shortened import shortened

LINGER_S = 0.02
MAX_BATCH = 256
LAST_RETRY_S = 5.0
WATERMARK_EVERY_S = 5.0
STALLED_S = 60.0  # without progress of the watermark; NATS may have lost results
MOST_STALLED_S = 900.0
STREAM = subjects.kv_stream(subjects.BUCKET_WATERMARK)
_LOG = logger("sender")


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Row
    confirmed: asyncio.Future[None]


class Sender:
    """Publishes rows of the outbox in batches.

    `expected` is the number of results that other jobs will bring soon.
    """

    def __init__(
        self, *, bus: Bus, outbox: Outbox, worker: str, expected: Callable[[], int]
    ) -> None:
        self._bus = bus
        self._outbox = outbox
        self._worker = worker
        self._expected = expected
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._backoff = Backoff(last_s=LAST_RETRY_S)

    async def publish(self, row: Row) -> None:
        """Return when NATS has stored `row`; retries without a limit."""
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(row, confirmed))
        await confirmed

    async def run(self) -> None:
        """Publish what waits, batch after batch, until cancelled."""
        while True:
            batch = [await self._queue.get()]
            until = clock.monotonic() + LINGER_S
            while len(batch) < MAX_BATCH:
                if not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                    continue
                left = until - clock.monotonic()
                # Without other jobs under way nothing will join: waiting would only cost time.
                if left <= 0 or not self._expected():
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        batch.append(await self._queue.get())
            await self._publish(batch)

    async def _publish(self, batch: list[_Waiting]) -> None:
        waiting = [one for one in batch if not one.confirmed.done()]
        # The first message id again: NATS then drops what it stored before a lost confirmation.
        messages = [
            Outgoing(
                subject=one.row.subject,
                data=one.row.data,
                message_id=one.row.message_id,
                headers=traces.headers(one.row.traceparent),
            )
            for one in waiting
        ]
        receipts = await self._bus.publish(messages)
        failed: list[tuple[_Waiting, Receipt]] = []
        for one, receipt in zip(waiting, receipts, strict=True):
            if receipt.limit and (shorter := await self._shorten(one.row, receipt)) is not None:
                self._queue.put_nowait(_Waiting(shorter, one.confirmed))
            elif receipt.publication not in (Publication.STORED, Publication.DUPLICATE):
                failed.append((one, receipt))
            else:
                # Also if its job was cancelled meanwhile: without this its row would never go.
                self._outbox.confirm([one.row.sequence])
                if not one.confirmed.done():
                    one.confirmed.set_result(None)
        if not failed:
            self._backoff.reset()
            return
        retry_in_s = self._backoff.next_s()
        reason = failed[0][1].reason
        _LOG.warning("results_delayed", number=len(failed), reason=reason, retry_in_s=retry_in_s)
        # Before they are queued again: while NATS is away this loop must not spin.
        await asyncio.sleep(retry_in_s)
        for one, _ in failed:
            self._queue.put_nowait(one)

    async def _shorten(self, row: Row, receipt: Receipt) -> Row | None:
        """The row with a message that the server takes, kept in the outbox; None: impossible now.

        Without this a result made before the server's limit was lowered would be tried for ever.
        """
        try:
            shorter = shortened(row, receipt.limit)
            if shorter is None or len(shorter.data) >= len(row.data):
                return None
            await self._outbox.replace(shorter)
        except (ProtocolError, OutboxError) as error:
            _LOG.error("outbox_failed", reason=error.message)
            return None
        _LOG.error("result_shortened", position=row.sequence, reason=receipt.reason)
        return shorter

    async def follow_watermark(self) -> None:
        """Drop what the coordinator has stored, publish again what it lacks, until cancelled."""
        last = await self._read_watermark(0)
        # At the start: the process before may have ended between its outbox and NATS.
        await self._publish_all()
        # Doubled: a coordinator that is away for days must not get all of it every minute.
        backoff = Backoff(STALLED_S, MOST_STALLED_S)
        moved_at, stalled_s = clock.monotonic(), backoff.next_s()
        while True:
            await asyncio.sleep(WATERMARK_EVERY_S)
            sequence = await self._read_watermark(last)
            if sequence != last or not self._outbox.size:
                backoff.reset()
                last, moved_at, stalled_s = sequence, clock.monotonic(), backoff.next_s()
            elif clock.monotonic() - moved_at > stalled_s:
                _LOG.warning("watermark_stalled", results=self._outbox.size)
                await self._publish_all()
                moved_at, stalled_s = clock.monotonic(), backoff.next_s()

    async def _read_watermark(self, last: int) -> int:
        """The position up to which the coordinator has stored all; `last` if it cannot be read."""
        if not self._outbox.size and last:
            return last
        subject = subjects.kv(subjects.BUCKET_WATERMARK, self._worker)
        try:
            stored = await self._bus.last(STREAM, subject)
            if stored is None or not stored.data:
                return last
            epoch = self._outbox.epoch
            # Ours among those of the name: another worker may have it, or had it before.
            sequence = codec.decode(Watermark, stored.data).of(epoch)
            if sequence is None:
                return last
            own = Watermark(worker=self._worker, epoch=epoch, sequence=sequence)
            await self._outbox.covered(own, clock.now())
        except (UnreachableError, ProtocolError, OutboxError) as error:
            _LOG.debug("watermark_failed", reason=error.message)
            return last
        return sequence

    async def _publish_all(self) -> None:
        """Publish every row again, page after page; its message id stays, so NATS drops copies."""
        after = 0
        try:
            while page := await self._outbox.pending(after):
                await asyncio.gather(*(self.publish(row) for row in page))
                after = page[-1].sequence
        except OutboxError as error:
            _LOG.error("outbox_failed", reason=error.message)
