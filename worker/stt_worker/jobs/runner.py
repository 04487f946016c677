"""One delivered job from its receipt to its settlement, in the order that loses nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from stt_shared import clock, faultpoint
from stt_shared.bus.port import Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, ControlState, Facts, Job, Result
from stt_shared.protocol.subjects import MAX_DELIVERIES
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound, logger
from stt_worker.execution.job import CheckDependencies, Examined, execute, not_run
from stt_worker.jobs.consumer import Turn
from stt_worker.jobs.control_state import ControlStateReader
from stt_worker.jobs.intake import read
from stt_worker.outbox.port import Outbox, OutboxError, Row
from stt_worker.outbox.sender import Sender
from stt_worker.packs import PackRegistry
from stt_worker.targets.model import Inventory, Target

# Another worker of the site may serve the target, so the job goes round; each round is a delivery.
MAX_DELIVERIES_UNKNOWN = 25
UNKNOWN_TARGET_DELAY_S = 2.0
OUTBOX_DELAY_S = 30.0
CONTROL_DELAY_S = 5.0
AFTER_PUBLISH = "after-publish-before-ack"
_LOG = logger("runner")


class _Later(Exception):  # noqa: N818  # no error: the job is put back
    """The job cannot be run now; it is delivered again after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(delay)
        self.delay = delay


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerDependencies:
    """Who this worker is and what it works with."""

    worker: str
    site: str
    inventory: Inventory
    outbox: Outbox
    sender: Sender
    control_state: ControlStateReader
    check_dependencies: Mapping[Family, CheckDependencies]
    pack_registry: PackRegistry | None = None  # None: this worker takes no packs


class Runner:
    """Serves deliveries.

    `refused` counts by code those that were no job for this worker; `expected` is the number of
    jobs under way whose result is not in the outbox yet.
    """

    def __init__(self, dependencies: RunnerDependencies) -> None:
        self._dependencies = dependencies
        self._busy: dict[str, tuple[asyncio.Lock, int]] = {}
        self.refused: Counter[str] = Counter()
        self.expected = 0

    async def serve(self, delivery: Delivery, inbox: Inbox, family: Family, turn: Turn) -> None:
        """Run the delivered job in its turn, publish its result and settle the delivery.

        When it is cancelled, or `turn` raises, the delivery is left unsettled.
        """
        with bound(worker=self._dependencies.worker, site=self._dependencies.site):
            try:
                job = read(delivery, self._dependencies.site, family)
            except ProtocolError as error:
                await self._refuse(error, delivery, inbox)
                return
            ids = {"run": job.run_id, "job": job.job_id, "target": job.target}
            parent = traces.parent(delivery.headers, job.run_id)
            with (
                bound(**ids),
                traces.get().span(
                    "execute", {**ids, "worker": self._dependencies.worker}, parent=parent
                ),
            ):
                await self._settle(job, delivery, inbox, turn)

    async def _refuse(self, error: ProtocolError, delivery: Delivery, inbox: Inbox) -> None:
        self.refused[error.code] += 1
        _LOG.error("job refused", code=error.code, reason=error.message, subject=delivery.subject)
        await _settled(inbox.end(delivery))

    async def _settle(self, job: Job, delivery: Delivery, inbox: Inbox, turn: Turn) -> None:
        try:
            async with self._alone(job.target):
                await self._serve(job, delivery, inbox, turn)
        except _Later as later:
            _LOG.debug("job put back", again_in_s=later.delay)
            await _settled(inbox.retry(delivery, delay=later.delay))
        except ProtocolError as error:
            await self._refuse(error, delivery, inbox)
        except OutboxError as error:
            _LOG.error("job put back", reason=error.message, again_in_s=OUTBOX_DELAY_S)
            await _settled(inbox.retry(delivery, delay=OUTBOX_DELAY_S))

    @asynccontextmanager
    async def _alone(self, target: str) -> AsyncGenerator[None]:
        """One job at a time for each target: the second of two deliveries waits for the first."""
        lock, users = self._busy.get(target, (asyncio.Lock(), 0))
        self._busy[target] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._busy.pop(target)
            if users > 1:
                self._busy[target] = lock, users - 1

    async def _serve(self, job: Job, delivery: Delivery, inbox: Inbox, turn: Turn) -> None:
        done = await self._dependencies.outbox.finished(job.job_id, job.dispatch)
        row = done.row if done else await self._run(job, delivery, turn)
        if row is not None:  # else the coordinator's store has it already
            with traces.get().span("publish", {"sequence": row.sequence}):
                await self._dependencies.sender.confirm(row)
        faultpoint.reach(AFTER_PUBLISH)
        await _settled(inbox.ack([delivery]))

    async def _run(self, job: Job, delivery: Delivery, turn: Turn) -> Row:
        self.expected += 1
        try:
            async with turn(job.target) as held:
                started = clock.now()
                _LOG.debug("job begun", delivered=delivery.delivered)
                facts, outcomes = await self._outcomes(job, delivery, started)
                late = any(one.kind is Kind.TIMEOUT for one in outcomes)
                held.in_vain = late or (facts is None and bool(outcomes))
            # Behind its turn: another target is looked at while this result is written.
            result = self._result(job, delivery, started, facts, outcomes)
            with traces.get().span("result", {"outcomes": len(outcomes)}) as span:
                row = await self._append(job, result, span.traceparent)
        finally:
            self.expected -= 1
        ends = Counter(str(one.kind or one.outcome) for one in outcomes)
        _LOG.info("job done", sequence=row.sequence, **ends)
        return row

    async def _append(self, job: Job, result: Result, traceparent: str) -> Row:
        try:
            return await self._dependencies.outbox.append(result, traceparent)
        except ProtocolError as error:
            small = not_run(job.checks, Outcome.ERROR, Kind.TOO_LARGE, error.message)
            return await self._dependencies.outbox.append(
                msgspec.structs.replace(result, outcomes=small, facts=None), traceparent
            )

    async def _outcomes(self, job: Job, delivery: Delivery, now: datetime) -> Examined:
        if now >= job.expires:
            why = f"the job expired at {clock.to_text(job.expires)}"
            return None, not_run(job.checks, Outcome.SKIPPED, Kind.EXPIRED, why)
        state = await self._control()
        if not state.enabled:
            return None, not_run(job.checks, Outcome.SKIPPED, Kind.DISABLED, _disabled(state))
        target = self._dependencies.inventory.get(job.target, job.family)
        if dead := await self._dead(job, delivery, known=target is not None):
            _LOG.error("job given up", reason=dead)
            return None, not_run(job.checks, Outcome.ERROR, Kind.DEAD, dead)
        if target is None:
            raise _Later(UNKNOWN_TARGET_DELAY_S)
        if delivery.delivered > 1:
            await self._dependencies.outbox.count_start(job.job_id, job.dispatch, now)
        return await self._execute(job, target, state, now)

    async def _control(self) -> ControlState:
        try:
            return await self._dependencies.control_state.state()
        except (UnreachableError, ProtocolError) as error:
            _LOG.warning("control state not read", reason=error.message)
            raise _Later(CONTROL_DELAY_S) from error

    async def _dead(self, job: Job, delivery: Delivery, *, known: bool) -> str:
        """Why the job is given up, or an empty text.

        Going round among workers is no failure: what counts is that it was begun here before.
        """
        times = f"delivered {delivery.delivered} times"
        if not known and delivery.delivered > MAX_DELIVERIES_UNKNOWN:
            return f"{times}, and no worker of site {job.site} serves target {job.target}"
        if known and delivery.delivered > MAX_DELIVERIES:
            starts = await self._dependencies.outbox.starts(job.job_id, job.dispatch)
            if starts:
                return f"{times}, begun here at least {starts} times, and never ended"
        return ""

    async def _execute(
        self, job: Job, target: Target, state: ControlState, now: datetime
    ) -> Examined:
        off = [ref for ref in job.checks if ref.check in state.disabled_checks]
        on = tuple(ref for ref in job.checks if ref not in off)
        part = msgspec.structs.replace(job, checks=on)
        dependencies, barred = await self._means(part, now)
        without = {outcome.check for outcome in barred}
        part = msgspec.structs.replace(
            part, checks=tuple(ref for ref in on if ref.check not in without)
        )
        facts, found = await execute(part, target.resolved, dependencies, now=now)
        switched_off = not_run(off, Outcome.SKIPPED, Kind.DISABLED, "the check is switched off")
        by_check = {outcome.check: outcome for outcome in (*found, *barred, *switched_off)}
        return facts, tuple(by_check[ref.check] for ref in job.checks)

    async def _means(
        self, job: Job, now: datetime
    ) -> tuple[CheckDependencies, tuple[CheckOutcome, ...]]:
        """What runs the checks of `job`, and the outcome of those that no trusted pack holds."""
        dependencies = self._dependencies.check_dependencies[job.family]
        if self._dependencies.pack_registry is None:
            return dependencies, ()
        try:
            choice = await self._dependencies.pack_registry.choose(job, now)
        except UnreachableError as error:
            _LOG.warning("pack not read", reason=error.message)
            raise _Later(CONTROL_DELAY_S) from error
        except OSError as error:
            _LOG.error("pack not taken", reason=str(error))
            raise _Later(OUTBOX_DELAY_S) from error
        return replace(dependencies, catalogue=choice.catalogue), choice.barred

    def _result(
        self,
        job: Job,
        delivery: Delivery,
        started: datetime,
        facts: Facts | None,
        outcomes: tuple[CheckOutcome, ...],
    ) -> Result:
        return Result(
            job_id=job.job_id,
            run_id=job.run_id,
            dispatch=job.dispatch,
            execution=f"{job.dispatch}-{delivery.sequence}-{delivery.delivered}",
            target=job.target,
            family=job.family,
            site=job.site,
            worker=self._dependencies.worker,
            sequence=0,  # with the epoch given by the outbox
            epoch="",
            started=started,
            finished=clock.now(),
            outcomes=outcomes,
            facts=facts,
        )


def _disabled(state: ControlState) -> str:
    since = f" since {clock.to_text(state.since)}" if state.since else ""
    return f"checks are disabled{since}"


async def _settled(settling: Awaitable[None]) -> None:
    """Settle a delivery; if that fails it comes again, and the outbox knows what to do."""
    try:
        await settling
    except UnreachableError as error:
        _LOG.warning("delivery not settled, it will come again", reason=error.message)
