"""Publishes jobs in batches and notes each as published once the broker has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import JobRow, JobState
from stt_coordinator.domain.timing import Timing
from stt_coordinator.store.port import Ledger, Store
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Job
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound, logger

BATCH = 256  # jobs published before any is noted
MID_DISPATCH = "mid-dispatch"
_LOG = logger("dispatch")


class Dispatcher:
    """Sends what is pending; a job sent twice has one message id and is stored once."""

    def __init__(self, *, bus: Bus, store: Store, timing: Timing) -> None:
        self._bus = bus
        self._store = store
        self._timing = timing

    async def send_pending(self) -> None:
        """Publish every job whose time has come; raises UnreachableError if one was not stored."""
        while True:
            now = clock.now()
            found = await self._store.read(
                lambda ledger, now=now: ledger.jobs.dispatchable(now, BATCH)  # type: ignore[misc]  # bound now
            )
            if not found:
                return
            receipts = await self._publish(found)
            faultpoint.reach(MID_DISPATCH)
            await self._note(found, receipts)

    async def _publish(self, jobs: Sequence[JobRow]) -> list[Receipt]:
        spans = [_span(job) for job in jobs]
        pairs = zip(jobs, spans, strict=True)
        receipts = await self._bus.publish([message(job, span.traceparent) for job, span in pairs])
        for span, receipt in zip(spans, receipts, strict=True):
            span.end({"publication": str(receipt.publication)})
        return receipts

    async def _note(self, jobs: Sequence[JobRow], receipts: Sequence[Receipt]) -> None:
        now = clock.now()
        sent = list(zip(jobs, receipts, strict=True))
        await self._store.transact(lambda ledger: _note(ledger, sent, now, self._timing))
        failed = [receipt for receipt in receipts if receipt.publication is Publication.FAILED]
        if failed:
            raise UnreachableError(f"{len(failed)} jobs were not stored ({failed[0].reason})")


def _span(job: JobRow) -> traces.Span:
    ids = {"run": job.run_id, "job": job.job_id, "target": job.target, "site": job.site}
    tracing = traces.get()
    return tracing.begin("job", ids, parent=tracing.of_run(job.run_id))


def message(job: JobRow, traceparent: str = "") -> Outgoing:
    """The job as workers get it."""
    content = Job(
        job_id=job.job_id,
        run_id=job.run_id,
        dispatch=job.dispatch,
        target=job.target,
        family=job.family,
        site=job.site,
        checks=job.checks,
        created=job.created,
        expires=job.expires,
        pack=job.pack,
    )
    return Outgoing(
        subject=subjects.job(job.family, job.site, job.target),
        data=codec.encode(content),
        message_id=f"{job.job_id}.{job.dispatch}",
        headers=traces.headers(traceparent),
    )


def _note(
    ledger: Ledger, sent: Sequence[tuple[JobRow, Receipt]], now: datetime, timing: Timing
) -> None:
    # A fast worker's result may be in the store before this note: it must stay.
    current = ledger.jobs.by_id(job.job_id for job, _ in sent)
    changed: list[JobRow] = []
    for job, receipt in sent:
        row = current.get(job.job_id)
        if row is not None and (row.state, row.dispatch) == (JobState.PENDING, job.dispatch):
            changed.append(_noted(row, receipt, now, timing))
    ledger.jobs.put(changed)


def _noted(job: JobRow, receipt: Receipt, now: datetime, timing: Timing) -> JobRow:
    match receipt.publication:
        case Publication.STORED | Publication.DUPLICATE:
            return _on_the_queue(job, now, timing)
        case Publication.OCCUPIED if job.dispatch > 1:
            # Published again and again refused: the one before is still on the queue.
            waiting = msgspec.structs.replace(job, dispatch=job.dispatch - 1)
            return _on_the_queue(waiting, now, timing)
        case _:
            if receipt.publication is Publication.CONFLICT:
                with bound(run=job.run_id, job=job.job_id, target=job.target, site=job.site):
                    _LOG.error("job_rejected", reason=receipt.reason)
            return msgspec.structs.replace(job, not_before=now + timing.occupied)


def _on_the_queue(job: JobRow, now: datetime, timing: Timing) -> JobRow:
    return msgspec.structs.replace(
        job, state=JobState.DISPATCHED, deadline=now + timing.result_timeout
    )
