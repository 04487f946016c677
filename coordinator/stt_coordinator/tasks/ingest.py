"""Ingest results: read deliveries, record them in one transaction, then acknowledge them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import msgspec

from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.results import (
    MAX_REJECTED_BYTES,
    Outbox,
    Position,
    ReceivedResult,
    RecordedBatch,
    UnreadableResult,
    record_results,
    record_unreadable,
)
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.port import Store, StoreError
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.troubles import Troubles, format_error
from stt_coordinator.tasks.wakeups import Wakeups
from stt_coordinator.tasks.watermarks import Watermarks
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus, Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import TOKEN_RULE, digest, is_token
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import Result
from stt_shared.protocol.reading import RESULT, read_message
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import LEVELS, bound, logger

MAX_BATCH = 512  # results a transaction
CAPACITY = 4 * MAX_BATCH  # deliveries held: the next batch waits while one is being written
WAIT_S = 1.0  # for the first delivery of a batch
MAX_SEQUENCE = 2**63 - 1  # of a store's integer
MAX_ID = 200  # characters of the ids of jobs and runs
MAX_WAITS = 6  # deliveries that may wait for the announcement of their worker
TASK = "ingest"
AFTER_COMMIT = "after-commit-before-ack"
FIRST_CONSUMER = subjects.results_consumer(1).name
_LOG = logger("ingest")
# What a value that no check foresaw may raise while it is recorded.
_UNRECORDABLE = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    msgspec.MsgspecError,
    ProtocolError,
)


class _Claimed(msgspec.Struct):
    """The position that a message claims, whatever else is wrong with it."""

    epoch: str
    sequence: int


_CLAIMED = msgspec.json.Decoder(_Claimed)


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
        consumer: str = FIRST_CONSUMER,
        troubles: Troubles | None = None,
        counters: Counters | None = None,
        nonces: NonceGate | None = None,
    ) -> None:
        self._nonces = nonces or NonceGate(store)
        self._bus = bus
        self._store = store
        self._watermarks = watermarks
        self._wakeups = wakeups
        self._timing = timing
        self._consumer = consumer
        self._troubles = troubles or Troubles()
        self._counters = counters or Counters()
        self.turned = clock.monotonic()  # when all results that had come were in the store
        self.last: datetime | None = None  # when the newest result was recorded

    async def run(self) -> None:
        """Ingest results until cancelled."""
        stream, name = subjects.STREAM_RESULTS, self._consumer
        while True:
            try:
                async with self._bus.consume(stream, name, capacity=CAPACITY) as inbox:
                    await self._consume(inbox)
            except UnreachableError as error:
                _LOG.warning("consumer_failed", reason=error.message)
                await asyncio.sleep(self._timing.trouble_s)

    async def _consume(self, inbox: Inbox) -> None:
        linger_s = 0.0
        while True:
            batch = await inbox.take(MAX_BATCH, wait=WAIT_S, linger=linger_s)
            # A single result is recorded at once; where several come, a moment fills the batch.
            linger_s = self._timing.linger_s if len(batch) > 1 else 0.0
            if batch:
                await self.ingest(batch, inbox)
                self.last = clock.now()
            self.turned = clock.monotonic()

    async def ingest(self, batch: Sequence[Delivery], inbox: Inbox) -> None:
        """Record the batch, however long the store is in trouble, then settle its deliveries."""
        received: dict[str, ReceivedResult] = {}
        unreadable: dict[str, UnreadableResult] = {}
        for delivery in batch:
            try:
                received[delivery.lease] = read_delivery(delivery)
            except ProtocolError as error:
                unreadable[delivery.lease] = unreadable_result(delivery, error)
        waiting: frozenset[Position] = frozenset()
        while True:
            try:
                waiting = await self._record(list(received.values()), list(unreadable.values()))
            except (StoreError, UnreachableError) as error:
                _LOG.error("results_delayed", reason=error.message, hint=error.hint)
                self._troubles.report(TASK, format_error(error))
                await asyncio.sleep(self._timing.trouble_s)
            else:
                self._troubles.resolve(TASK)
                break
        # After the commit and never before: the broker forgets what is acknowledged.
        faultpoint.reach(AFTER_COMMIT)
        done: list[Delivery] = []
        for delivery in batch:
            if delivery.lease in unreadable:
                await inbox.end(delivery)
            elif received[delivery.lease].position in waiting:
                await inbox.retry(delivery, delay=self._timing.announced_s)
            else:
                done.append(delivery)
        try:
            await inbox.ack(done)
        except UnreachableError as error:
            _LOG.info("acknowledgement_delayed", reason=error.message)

    async def _record(
        self, received: Sequence[ReceivedResult], unreadable: Sequence[UnreadableResult]
    ) -> frozenset[Position]:
        """Record results, and keep the unreadable messages; returns the positions that wait.

        Raises StoreError, UnreachableError.
        """
        waiting: frozenset[Position] = frozenset()
        outboxes = {one.outbox for one in received}
        outboxes |= {(p.worker, p.epoch) for one in unreadable if (p := one.position)}
        floors = {one: await self._watermarks.floor(*one) for one in outboxes}
        if received:
            try:
                waiting = await self._record_batch(received, floors)
            except _UNRECORDABLE:
                waiting = await self._record_singly(received, floors)
        if unreadable:
            now = clock.now()
            await self._store.transact(
                lambda ledger: record_unreadable(ledger, unreadable, floors, now)
            )
            for one in unreadable:
                _log_rejected(one.row)
            self._wakeups.watermarks.set()
        return waiting

    async def _record_batch(
        self, received: Sequence[ReceivedResult], floors: Mapping[Outbox, int]
    ) -> frozenset[Position]:
        now, required = clock.now(), await self._nonces.required()
        batch: RecordedBatch = await self._store.transact(
            lambda ledger: record_results(ledger, received, floors, now, nonce_required=required)
        )
        for result, row in batch.rejected:
            with _bound_ids(result):
                _log_rejected(row)
        trace_ingest(received, now)
        self._counters.record_results(batch.recorded)
        _LOG.debug("results_recorded", recorded=len(batch.recorded), repeated=batch.repeated)
        if _LOG.is_enabled_for(LEVELS["debug"]):
            for result in batch.recorded:
                with _bound_ids(result):
                    _LOG.debug("result_recorded", sequence=result.sequence)
        self._wakeups.watermarks.set()
        self._wakeups.store_changed()
        return batch.waiting

    async def _record_singly(
        self, received: Sequence[ReceivedResult], floors: Mapping[Outbox, int]
    ) -> frozenset[Position]:
        """Record each in its own transaction: one that fails must not keep the others out."""
        waiting: frozenset[Position] = frozenset()
        for one in received:
            with _bound_ids(one.result):
                try:
                    waiting |= await self._record_batch([one], floors)
                except _UNRECORDABLE as error:
                    now = clock.now()
                    row = one.rejected("unusable", f"{type(error).__name__}: {error}", now)
                    bad = UnreadableResult(row=row, position=one.raw(now, is_refused=True))
                    await self._store.transact(
                        lambda ledger, bad=bad, now=now: record_unreadable(  # type: ignore[misc]  # bound now
                            ledger, [bad], floors, now
                        )
                    )
                    _log_rejected(row)
        return waiting


def read_delivery(delivery: Delivery) -> ReceivedResult:
    """The result in `delivery`.

    Raises ProtocolError: a code of `read_message`, `wrong_position` or `wrong_job`.
    """
    result = read_message(RESULT, delivery.subject, delivery.data)
    if not 1 <= result.sequence <= MAX_SEQUENCE or not is_token(result.epoch):
        what = f"sequence {result.sequence!r:.40} of epoch {result.epoch!r:.80}"
        expected = f"expected a sequence from 1 and an epoch of {TOKEN_RULE}"
        raise ProtocolError("wrong_position", f"{what}, {expected}")
    longest = max(len(result.job_id), len(result.run_id))
    if longest > MAX_ID:
        what = f"an id of job {result.job_id!r:.80} has {longest} characters"
        raise ProtocolError("wrong_job", f"{what}, the limit is {MAX_ID}")
    return ReceivedResult(
        result=result,
        subject=delivery.subject,
        data=delivery.data,
        traceparent=traces.parent(delivery.headers, result.run_id),
        may_wait=delivery.delivered <= MAX_WAITS,
    )


def unreadable_result(delivery: Delivery, error: ProtocolError) -> UnreadableResult:
    """What is kept of a message that is not a result; with the position that it claims, if any.

    The worker is that of the subject, which the broker's permissions bind.
    """
    row = Rejected(
        code=error.code,
        reason=error.message,
        subject=delivery.subject,
        at=clock.now(),
        data=delivery.data[:MAX_REJECTED_BYTES],
    )
    worker = delivery.subject.rpartition(".")[2]
    try:
        claimed = _CLAIMED.decode(delivery.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UnreadableResult(row=row)
    if not (1 <= claimed.sequence <= MAX_SEQUENCE and is_token(claimed.epoch) and is_token(worker)):
        return UnreadableResult(row=row)
    position = RawResult(
        worker=worker,
        epoch=claimed.epoch,
        sequence=claimed.sequence,
        job_id="",
        received=row.at,
        data=b"",
        content=digest(delivery.data),
        is_refused=True,
    )
    return UnreadableResult(row=row, position=position)


def trace_ingest(received: Sequence[ReceivedResult], begun: datetime) -> None:
    """One span a result, from `begun` until now, below the span that its worker sent it from."""
    tracing = traces.get()
    for one in received if tracing.on else ():
        ids = {"job": one.result.job_id, "worker": one.result.worker}
        tracing.begin("ingest", ids, parent=one.traceparent, begun=begun).end()


def _bound_ids(one: Result) -> AbstractContextManager[None]:
    ids = {"run": one.run_id, "job": one.job_id, "target": one.target}
    return bound(**ids, worker=one.worker, site=one.site, **traces.ids(one.run_id))


def _log_rejected(row: Rejected) -> None:
    _LOG.error("message_rejected", code=row.code, reason=row.reason, subject=row.subject)
