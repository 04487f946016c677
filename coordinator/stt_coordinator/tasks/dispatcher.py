"""Publish jobs in batches, and note each as dispatched once the broker has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import JobRecord, JobState
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.guards.silent_takers import SilentTakers
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
    """Publishes pending jobs; a job published twice has one message id and is stored once."""

    def __init__(
        self, *, bus: Bus, store: Store, timing: Timing, takers: SilentTakers | None = None
    ) -> None:
        self._takers = takers or SilentTakers(timing.result_timeout)
        self._bus = bus
        self._store = store
        self._timing = timing

    async def send_pending(self) -> None:
        """Publish every job whose time has come; raises UnreachableError if one was not stored."""
        while True:
            now = clock.now()
            jobs = await self._store.read(
                lambda ledger, now=now: ledger.jobs.dispatchable(now, BATCH)  # type: ignore[misc]  # bound now
            )
            if not jobs:
                return
            spans = [begin_span(job) for job in jobs]
            pairs = zip(jobs, spans, strict=True)
            receipts = await self._bus.publish([message(job, s.traceparent) for job, s in pairs])
            for span, receipt in zip(spans, receipts, strict=True):
                span.end({"publication": str(receipt.publication)})
            faultpoint.reach(MID_DISPATCH)
            # After the broker has them: noted first, a job that was never sent would wait for its
            # deadline.
            await self.note(jobs, receipts)

    async def note(self, jobs: Sequence[JobRecord], receipts: Sequence[Receipt]) -> None:
        """Record what became of published jobs; raises UnreachableError if one was not stored."""
        # Our clock, whatever the others say: a deadline ends nothing by itself. The reconciler acts
        # on it, waits while the clocks disagree, and first corrects those that lie in the future.
        now, timing = clock.now(), self._timing
        sent = list(zip(jobs, receipts, strict=True))

        def record(ledger: Ledger) -> None:
            # Before the jobs are read: an answer that comes in between would be overwritten.
            ledger.locks.targets({job.target for job in jobs})
            # A fast worker's result may be in the store before this note: it must stay.
            current = ledger.jobs.by_id(job.job_id for job in jobs)
            ledger.jobs.put(
                after_publication(row, receipt, now, timing)
                for job, receipt in sent
                if (row := current.get(job.job_id)) is not None
                and (row.state, row.dispatch) == (JobState.PENDING, job.dispatch)
            )

        # It holds its targets: results may be recorded meanwhile.
        await self._store.transact_beside(record)
        # After the commit: a transaction that fails is tried again with the same jobs.
        self._takers.note(sent, now)
        failed = [receipt for receipt in receipts if receipt.publication is Publication.FAILED]
        if failed:
            raise UnreachableError(f"{len(failed)} jobs were not stored ({failed[0].reason})")


def begin_span(job: JobRecord) -> traces.Span:
    """The span of a job from its publication on, below that of its run."""
    ids = {"run": job.run_id, "job": job.job_id, "target": job.target, "site": job.site}
    tracing = traces.get()
    return tracing.begin("job", ids, parent=tracing.of_run(job.run_id))


def message(job: JobRecord, traceparent: str = "") -> Outgoing:
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
        nonce=job.nonces[-1] if job.nonces else "",
    )
    return Outgoing(
        subject=subjects.job(job.family, job.site, job.target),
        data=codec.encode(content),
        # With the dispatch: a job that is issued again is a new message, one that is sent twice is
        # not.
        message_id=f"{job.job_id}.{job.dispatch}",
        headers=traces.headers(traceparent),
    )


def after_publication(job: JobRecord, receipt: Receipt, now: datetime, timing: Timing) -> JobRecord:
    """The job after the broker's receipt: dispatched, or pending until its next attempt."""
    dispatched = msgspec.structs.replace(
        job, state=JobState.DISPATCHED, deadline=now + timing.result_timeout
    )
    match receipt.publication:
        case Publication.STORED | Publication.DUPLICATE:
            return dispatched
        case Publication.OCCUPIED if job.dispatch > 1:
            # Its earlier message is still on the queue: this attempt must not use up a number, and
            # the nonce of this attempt, which nobody received, must not stay valid.
            return msgspec.structs.replace(
                dispatched, dispatch=job.dispatch - 1, nonces=job.nonces[:-1]
            )
        case Publication.CONFLICT:
            with bound(run=job.run_id, job=job.job_id, target=job.target, site=job.site):
                _LOG.error("job_rejected", reason=receipt.reason)
        case _:
            pass
    # A pause: an occupied subject stays so until a worker takes the message that is there.
    return msgspec.structs.replace(job, not_before=now + timing.occupied)
