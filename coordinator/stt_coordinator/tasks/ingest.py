"""Ingest results: read deliveries, record them in one transaction, then acknowledge them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime

import msgspec

from stt_coordinator.domain.intake.budget import DAY_S, STRANGER_POSITIONS, Budget
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.received import ReceivedResult, trace_ingest
from stt_coordinator.ledger.results import RecordedBatch, record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.ledger.unreadable import UnreadableResult, record_unreadable
from stt_coordinator.ledger.watermarks import Position
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.port import Store, StoreError
from stt_coordinator.store.ports.results import Rejected
from stt_coordinator.tasks.guards.new_outboxes import NewOutboxes
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.guards.unreadable import MAX_SEQUENCE, unreadable_result
from stt_coordinator.tasks.guards.unused_results import UnusedResults, sender_of
from stt_coordinator.tasks.troubles import Troubles, format_error, until_written
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus, Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import Result
from stt_shared.protocol.reading import RESULT, read_message
from stt_shared.protocol.specs import ConsumerSpec
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import LEVELS, bound, logger

MAX_BATCH = 512  # results a transaction
CAPACITY = 4 * MAX_BATCH  # deliveries held: the next batch waits while one is being written
WAIT_S = 1.0  # for the first delivery of a batch
TASK = "ingest"
MAX_ID = 200  # characters of the ids of jobs and runs
MAX_WAITS = 6  # deliveries that may wait for the announcement of their worker
REPEATED = "repeated"  # the code under which known results are counted
AFTER_COMMIT = "after-commit-before-ack"
FIRST_CONSUMER = subjects.results_consumer(1)
_LOG = logger("ingest")
# What a value that no check foresaw may raise while it is recorded.
_UNRECORDABLE = (
    *(ValueError, TypeError, KeyError, OverflowError),
    *(msgspec.MsgspecError, ProtocolError),
)


@dataclass(slots=True)
class _Done:
    """The effect of a batch: positions that wait, and by `id` the results that changed nothing."""

    waiting: set[Position] = field(default_factory=set[Position])
    unused: set[int] = field(default_factory=set[int])

    def add(self, batch: RecordedBatch) -> None:
        """Add the outcome of one transaction."""
        self.waiting |= batch.waiting
        self.unused |= set(map(id, batch.unused))


class Ingest:
    """The task that empties the consumer of results."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        wakeups: Wakeups,
        timing: Timing,
        consumer: ConsumerSpec = FIRST_CONSUMER,
        troubles: Troubles | None = None,
        counters: Counters | None = None,
        nonces: NonceGate,
        unused: UnusedResults | None = None,
        gives_back_s: float = math.inf,
    ) -> None:
        self._gives_back_s = gives_back_s  # after so much trouble others may reach the store
        self.outboxes = NewOutboxes()
        self._nonces = nonces
        self._unused = unused or UnusedResults()
        self._strangers = Budget.full(STRANGER_POSITIONS, DAY_S, clock.monotonic())
        self._bus = bus
        self._store = store
        self._wakeups = wakeups
        self._timing = timing
        self._consumer = consumer
        self._troubles = troubles or Troubles()
        self._counters = counters or Counters()
        self.turned = clock.monotonic()  # when all results that had come were in the store
        self.last: datetime | None = None  # when the newest result was recorded

    async def run(self) -> None:
        """Ingest results until cancelled."""
        stream, name = self._consumer.stream, self._consumer.name
        while True:
            try:
                async with self._bus.consume(stream, name, capacity=CAPACITY) as inbox:
                    await self._consume(inbox)
            except (StoreError, UnreachableError) as error:
                _LOG.warning("consumer_failed", reason=error.message)
                await asyncio.sleep(self._timing.trouble_s)
                if isinstance(error, StoreError):  # what it held went to whoever reaches the store
                    await until_written(self._store, self._troubles, TASK, self._timing.trouble_s)

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
            # After the batch, and also while none comes: a full stream lets nothing in.
            await self._unused.delete_due(self._bus, self._consumer)

    async def ingest(self, batch: Sequence[Delivery], inbox: Inbox) -> None:
        """Record the batch, then acknowledge its deliveries; retry while the store has a fault.

        Raises StoreError or UnreachableError if others have waited long enough for them.
        """
        begun = clock.monotonic()
        received: dict[str, ReceivedResult] = {}
        unreadable: dict[str, UnreadableResult] = {}
        done = _Done()
        for delivery in batch:
            try:
                received[delivery.lease] = read_delivery(delivery)
            except ProtocolError as error:
                unreadable[delivery.lease] = unreadable_result(delivery, error)
        while True:
            try:
                done = await self._record(list(received.values()), list(unreadable.values()))
            # With the same batch: put back it would come again at once, into the same trouble.
            except (StoreError, UnreachableError) as error:
                _LOG.error("results_delayed", reason=error.message, hint=error.hint)
                self._troubles.report(TASK, format_error(error))
                if clock.monotonic() - begun > self._gives_back_s:
                    raise
                await asyncio.sleep(self._timing.trouble_s)
            else:
                self._troubles.resolve(TASK)
                break
        # After the commit and never before: the broker forgets what is acknowledged.
        faultpoint.reach(AFTER_COMMIT)
        await self._settle(batch, inbox, {k: one.position for k, one in received.items()}, done)
        wasted = set(unreadable) | {k for k, one in received.items() if id(one) in done.unused}
        self._unused.charge([one for one in batch if one.lease in wasted])

    async def _settle(
        self,
        batch: Sequence[Delivery],
        inbox: Inbox,
        positions: Mapping[str, Position],
        done: _Done,
    ) -> None:
        """Acknowledge what was recorded, end what cannot be read, put back what waits."""
        acknowledged: list[Delivery] = []
        for delivery in batch:
            position = positions.get(delivery.lease)
            if position is None:
                await inbox.end(delivery)
            elif position in done.waiting:
                await inbox.retry(delivery, delay=self._timing.announced_s)
            else:
                acknowledged.append(delivery)
        try:
            await inbox.ack(acknowledged)
        except UnreachableError as error:
            # Not raised: what is delivered again is known, and a known result changes nothing.
            _LOG.info("acknowledgement_delayed", reason=error.message)

    async def _record(
        self, received: Sequence[ReceivedResult], unreadable: Sequence[UnreadableResult]
    ) -> _Done:
        """Record results, and keep the unreadable messages; raises StoreError, UnreachableError."""
        done = _Done()
        exceeded = self._unused.exceeded
        # Of who sends too much nothing is kept, and nothing is written.
        kept = [one for one in unreadable if sender_of(one.row.subject) not in exceeded]
        rules = IntakeRules(
            nonce_required=await self._nonces.required(),
            exceeded=exceeded,
            stranger_positions=int(self._strangers.available(clock.monotonic())),
            new_outboxes=self.outboxes.left,
        )
        if received:
            try:
                done.add(await self._record_batch(received, rules))
            except _UNRECORDABLE:
                await self._record_singly(received, rules, done)
        if kept:
            now = clock.now()
            left = rules.stranger_positions
            used = await self._store.transact(lambda one: record_unreadable(one, kept, now, left))
            self._strangers.spend(used, clock.monotonic())
            for one in kept:
                _log_rejected(one.row)
            self._wakeups.watermarks.set()
        self._counters.record_refusals(Counter(one.row.code for one in unreadable))
        return done

    async def _record_batch(
        self, received: Sequence[ReceivedResult], rules: IntakeRules
    ) -> RecordedBatch:
        now = clock.now()
        # Beside other coordinators, which record results of other targets.
        batch = await self._store.transact_beside(
            lambda ledger: record_results(ledger, received, now, rules)
        )
        self._strangers.spend(batch.stranger_positions, clock.monotonic())
        self.outboxes.note(batch.new_outboxes)
        for result, row in batch.rejected:
            with _bound_ids(result):
                _log_rejected(row)
        for gap in batch.passed_over:
            _LOG.warning("positions_passed_over", **asdict(gap))
        trace_ingest(received, now)
        self._counters.record_results(batch.recorded)
        refused = Counter(row.code for _, row in batch.rejected)
        self._counters.record_refusals(refused + Counter(batch.dropped))
        self._counters.record_refusals({REPEATED: batch.repeated})
        _LOG.debug("results_recorded", recorded=len(batch.recorded), repeated=batch.repeated)
        if _LOG.is_enabled_for(LEVELS["debug"]):
            for result in batch.recorded:
                with _bound_ids(result):
                    _LOG.debug("result_recorded", sequence=result.sequence)
        # After the commit: a task that is woken earlier finds nothing, and sleeps a whole round.
        self._wakeups.watermarks.set()
        self._wakeups.store_changed()
        return batch

    async def _record_singly(
        self, received: Sequence[ReceivedResult], rules: IntakeRules, done: _Done
    ) -> None:
        """Record each in its own transaction: one that fails must not keep the others out."""
        for one in received:
            with _bound_ids(one.result):
                try:
                    done.add(await self._record_batch([one], rules))
                except _UNRECORDABLE as error:
                    now = clock.now()
                    row = one.rejected("unusable", f"{type(error).__name__}: {error}", now)
                    position = one.raw(now, is_refused=True)
                    bad = UnreadableResult(row=row, position=position)
                    await self._store.transact(
                        lambda ledger, bad=bad, now=now: record_unreadable(  # type: ignore[misc]  # bound now
                            ledger, [bad], now
                        )
                    )
                    _log_rejected(row)
                    self._counters.record_refusals({row.code: 1})
                    done.unused.add(id(one))


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


def _bound_ids(one: Result) -> AbstractContextManager[None]:
    ids = {"run": one.run_id, "job": one.job_id, "target": one.target}
    return bound(**ids, worker=one.worker, site=one.site, **traces.ids(one.run_id))


def _log_rejected(row: Rejected) -> None:
    _LOG.error("message_rejected", code=row.code, reason=row.reason, subject=row.subject)
