"""One delivered job from its receipt to its settlement, in the order that loses no result."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import msgspec

from stt_shared import clock, faultpoint
from stt_shared.bus.port import Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import Result
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound, logger
from stt_worker.execution.job import Examined, not_run
from stt_worker.jobs.checking import check
from stt_worker.jobs.consumer import Admit
from stt_worker.jobs.dependencies import JobDependencies, RetryLaterError
from stt_worker.jobs.intake import JobExecution, Permission, decode, may_run
from stt_worker.outbox.port import OutboxError, Row

OUTBOX_DELAY_S = 30.0
MAX_SHARED_DELIVERIES = 2  # of a job that may run beside others: the second start is counted
AFTER_PUBLISH = "after-publish-before-ack"
_LOG = logger("runner")


class Runner:
    """Serves deliveries.

    `rejected` counts by code the deliveries that held no job for this worker; `expected` is the
    number of jobs under way whose result is not in the outbox yet.
    """

    def __init__(self, dependencies: JobDependencies) -> None:
        self._dependencies = dependencies
        self._busy: dict[str, tuple[asyncio.Lock, int]] = {}
        self.rejected: Counter[str] = Counter()
        self.expected = 0

    async def serve(self, delivery: Delivery, inbox: Inbox, family: Family, admit: Admit) -> None:
        """Run the delivered job once admitted, publish its result and settle the delivery.

        If it is cancelled, or `admit` raises, the delivery comes again.
        """
        worker, site = self._dependencies.worker, self._dependencies.site
        with bound(worker=worker, site=site), ExitStack() as stack:
            try:
                execution = decode(delivery, inbox, site, family)
                stack.enter_context(bound(**execution.ids))
                parent = traces.parent(delivery.headers, execution.job.run_id)
                about: traces.About = {**execution.ids, "worker": worker}
                stack.enter_context(traces.get().span("execute", about, parent=parent))
                async with self._one_at_a_time(execution.job.target):
                    await self._run(execution, admit)
            except RetryLaterError as later:
                _LOG.debug("job_postponed", retry_in_s=later.delay_s)
                await _settle(inbox.retry(delivery, delay=later.delay_s))
            except OutboxError as error:
                _LOG.error("job_postponed", reason=error.message, retry_in_s=OUTBOX_DELAY_S)
                await _settle(inbox.retry(delivery, delay=OUTBOX_DELAY_S))
            except ProtocolError as error:
                # Ended, not retried: the same bytes would be rejected by every worker.
                self.rejected[error.code] += 1
                subject = delivery.subject
                _LOG.error("job_rejected", code=error.code, reason=error.message, subject=subject)
                await _settle(inbox.end(delivery))

    @asynccontextmanager
    async def _one_at_a_time(self, target: str) -> AsyncGenerator[None]:
        """A lock per target: of two deliveries of one job the second finds the result recorded."""
        lock, users = self._busy.get(target, (asyncio.Lock(), 0))
        self._busy[target] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._busy.pop(target)
            if users > 1:
                self._busy[target] = lock, users - 1

    async def _run(self, execution: JobExecution, admit: Admit) -> None:
        """Check and record unless the result is recorded already; then publish and acknowledge."""
        dependencies, job = self._dependencies, execution.job
        finished = await dependencies.outbox.finished(job.job_id, job.dispatch)
        row = finished.row if finished else None
        if finished is None:
            self.expected += 1
            try:
                async with admit(job.target, alone=await self._is_suspect(execution)) as admission:
                    # From here on: a job that waited for admission may have expired meanwhile.
                    execution = replace(execution, started=clock.now())
                    _LOG.debug("job_started", delivered=execution.delivery.delivered)
                    permission = await may_run(execution, dependencies)
                    if isinstance(permission, Permission):
                        examined = await check(execution, permission, dependencies)
                    else:
                        examined = None, permission
                    facts, outcomes = examined
                    late = any(one.kind is Kind.TIMEOUT for one in outcomes)
                    admission.unanswered = late or (facts is None and bool(outcomes))
                # After the admission: the next target is inspected while this result is written.
                row = await self._record(execution, examined)
            finally:
                self.expected -= 1
        if row is not None:  # None: the coordinator's store has the result already
            with traces.get().span("publish", {"sequence": row.sequence}):
                await dependencies.sender.publish(row)
        faultpoint.reach(AFTER_PUBLISH)
        # Last: acknowledged before NATS has the result, a crash in between would lose it.
        await _settle(execution.inbox.ack([execution.delivery]))

    async def _is_suspect(self, execution: JobExecution) -> bool:
        """Whether the job was begun here, with others, and the process ended.

        It runs alone then: if it is what ends the process, no other job is begun in vain with it.
        """
        job = execution.job
        if execution.delivery.delivered <= MAX_SHARED_DELIVERIES:
            return False
        return await self._dependencies.outbox.starts(job.job_id, job.dispatch) > 0

    async def _record(self, execution: JobExecution, examined: Examined) -> Row:
        """Write the result to the outbox; raises OutboxError."""
        job, delivery = execution.job, execution.delivery
        facts, outcomes = examined
        result = Result(
            job_id=job.job_id,
            run_id=job.run_id,
            dispatch=job.dispatch,
            execution=f"{job.dispatch}-{delivery.sequence}-{delivery.delivered}",
            target=job.target,
            family=job.family,
            site=job.site,
            worker=self._dependencies.worker,
            sequence=0,  # the outbox gives it its sequence and epoch
            epoch="",
            started=execution.started,
            finished=clock.now(),
            outcomes=outcomes,
            facts=facts,
            nonce=job.nonce,
        )
        outbox = self._dependencies.outbox
        with traces.get().span("result", {"outcomes": len(outcomes)}) as span:
            try:
                row = await outbox.append(result, span.traceparent)
            except ProtocolError as error:
                # Recorded as too large, not retried: the next attempt would be as large.
                small = not_run(job.checks, Outcome.ERROR, Kind.TOO_LARGE, error.message)
                result = msgspec.structs.replace(result, outcomes=small, facts=None)
                row = await outbox.append(result, span.traceparent)
        ends = Counter(str(one.kind or one.outcome) for one in outcomes)
        _LOG.info("result_recorded", sequence=row.sequence, **ends)
        return row


async def _settle(settlement: Awaitable[None]) -> None:
    """Settle a delivery; if that fails, it is delivered again and the outbox knows its result."""
    try:
        await settlement
    except UnreachableError as error:
        _LOG.warning("settlement_failed", reason=error.message)
