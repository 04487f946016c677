"""Takes in results: batches, one transaction each, acknowledged only after it is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import msgspec

from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger.results import (
    MAX_REJECTED_BYTES,
    ReceivedResult,
    RecordedBatch,
    record_results,
    rejected,
)
from stt_coordinator.metrics.counters import Meters
from stt_coordinator.store.port import Rejected, Store, StoreError
from stt_coordinator.tasks import intake
from stt_coordinator.tasks.wakeups import Wakeups, format_error
from stt_coordinator.tasks.watermarks import Watermarks
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus, Delivery, Inbox
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import Result
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import LEVELS, bound, logger

MAX_BATCH = 512  # results a transaction
CAPACITY = 4 * MAX_BATCH  # deliveries held: the next batch waits while one is being written
WAIT_S = 1.0
TASK = "ingest"
AFTER_COMMIT = "after-commit-before-ack"
_LOG = logger("ingest")
# What a value that no check foresaw may raise on its way into the books.
_UNUSABLE = (ValueError, TypeError, KeyError, OverflowError, msgspec.MsgspecError, ProtocolError)


class Ingest:
    """The task that empties the consumer of results."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        watermarks: Watermarks,
        wakeups: Wakeups,
        timing: Timing,
        troubles: dict[str, str] | None = None,
        meters: Meters | None = None,
    ) -> None:
        self._bus = bus
        self._store = store
        self._watermarks = watermarks
        self._wakeups = wakeups
        self._timing = timing
        self._troubles = {} if troubles is None else troubles
        self._meters = meters or Meters()
        self.turned = clock.monotonic()  # when the books last had all that had come
        self.last: datetime | None = None  # when the newest result was written into them

    async def run(self) -> None:
        """Take in results, for ever."""
        while True:
            try:
                await self._consume()
            except UnreachableError as error:
                _LOG.warning("consumer_failed", reason=error.message)
                await asyncio.sleep(self._timing.trouble_s)

    async def _consume(self) -> None:
        stream, name = subjects.STREAM_RESULTS, subjects.CONSUMER_RESULTS
        async with self._bus.consume(stream, name, capacity=CAPACITY) as inbox:
            several = False
            while True:
                linger = self._timing.linger_s if several else 0.0
                batch = await inbox.take(MAX_BATCH, wait=WAIT_S, linger=linger)
                several = len(batch) > 1
                if batch:
                    await self._take_in(batch, inbox)
                    self.last = clock.now()
                self.turned = clock.monotonic()

    async def _take_in(self, batch: Sequence[Delivery], inbox: Inbox) -> None:
        taken, refused = _sorted(batch)
        await self._until_stored(taken, [one for _, one in refused])
        faultpoint.reach(AFTER_COMMIT)
        bad = {delivery.lease for delivery, _ in refused}
        for delivery, _ in refused:
            await inbox.end(delivery)
        try:
            await inbox.ack([delivery for delivery in batch if delivery.lease not in bad])
        except UnreachableError as error:
            _LOG.info("acknowledgement_delayed", reason=error.message)

    async def _until_stored(self, taken: list[ReceivedResult], refused: list[Rejected]) -> None:
        """Nothing is acknowledged before it is stored, however long the store is in trouble."""
        while True:
            try:
                await self._store_all(taken, refused)
            except (StoreError, UnreachableError) as error:
                _LOG.error("results_delayed", reason=error.message, hint=error.hint)
                self._troubles[TASK] = format_error(error)
                await asyncio.sleep(self._timing.trouble_s)
            else:
                self._troubles.pop(TASK, None)
                return

    async def _store_all(self, taken: list[ReceivedResult], refused: list[Rejected]) -> None:
        floors = {
            (one.result.worker, one.result.epoch): await self._watermarks.floor(
                one.result.worker, one.result.epoch
            )
            for one in taken
        }
        if taken:
            try:
                await self._settle(taken, floors)
            except _UNUSABLE:
                await self._one_by_one(taken, floors)
        if refused:
            await self._store.transact(lambda ledger: ledger.add_rejected(refused))
            for one in refused:
                _say(one)

    async def _settle(
        self, taken: list[ReceivedResult], floors: dict[tuple[str, str], int]
    ) -> None:
        now = clock.now()
        settled: RecordedBatch = await self._store.transact(
            lambda ledger: record_results(ledger, taken, floors, now)
        )
        for result, what in settled.refused:
            with _of(result):
                _say(what)
        _trace(taken, now)
        self._meters.taken_in(settled.results)
        _LOG.debug("results_recorded", entered=settled.entered, repeated=settled.repeated)
        if _LOG.is_enabled_for(LEVELS["debug"]):
            for result in settled.results:
                with _of(result):
                    _LOG.debug("result_recorded", sequence=result.sequence)
        self._wakeups.watermarks.set()
        self._wakeups.store_changed()

    async def _one_by_one(
        self, taken: list[ReceivedResult], floors: dict[tuple[str, str], int]
    ) -> None:
        """One result that cannot be entered must not keep the others of its batch out."""
        for one in taken:
            with _of(one.result):
                await self._alone(one, floors)

    async def _alone(self, one: ReceivedResult, floors: dict[tuple[str, str], int]) -> None:
        try:
            await self._settle([one], floors)
        except _UNUSABLE as error:
            what = rejected("unusable", f"{type(error).__name__}: {error}", one, clock.now())
            await self._store.transact(lambda ledger: ledger.add_rejected([what]))
            _say(what)


def _trace(taken: Sequence[ReceivedResult], begun: datetime) -> None:
    tracing = traces.get()
    for one in taken if tracing.on else ():
        ids = {"job": one.result.job_id, "worker": one.result.worker}
        tracing.begin("ingest", ids, parent=one.traceparent, begun=begun).end()


def _of(one: Result) -> AbstractContextManager[None]:
    ids = {"run": one.run_id, "job": one.job_id, "target": one.target}
    return bound(**ids, worker=one.worker, site=one.site, **traces.ids(one.run_id))


def _sorted(
    batch: Sequence[Delivery],
) -> tuple[list[ReceivedResult], list[tuple[Delivery, Rejected]]]:
    taken: list[ReceivedResult] = []
    refused: list[tuple[Delivery, Rejected]] = []
    for delivery in batch:
        try:
            result = intake.read(delivery)
        except ProtocolError as error:
            refused.append((delivery, _refused(delivery, error)))
        else:
            taken.append(
                ReceivedResult(
                    result=result,
                    subject=delivery.subject,
                    data=delivery.data,
                    traceparent=traces.parent(delivery.headers, result.run_id),
                )
            )
    return taken, refused


def _refused(delivery: Delivery, error: ProtocolError) -> Rejected:
    return Rejected(
        code=error.code,
        reason=error.message,
        subject=delivery.subject,
        at=clock.now(),
        data=delivery.data[:MAX_REJECTED_BYTES],
    )


def _say(one: Rejected) -> None:
    _LOG.error("message_rejected", code=one.code, reason=one.reason, subject=one.subject)
