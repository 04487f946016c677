"""Decides about slots, each once for all coordinators, and makes runs of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_coordinator.domain import plan, schedule
from stt_coordinator.domain.model import TargetRow
from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger import event_messages
from stt_coordinator.ledger.answers import start_run
from stt_coordinator.ledger.reconcile import end_all
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import run_id, slot_token
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Interval, RunPhase
from stt_shared.protocol.messages import ControlState, Tick
from stt_shared.protocol.records import RunRecord
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound, logger

AFTER_TICK = "after-tick-before-jobs"
RUN, SKIPPED = "run", "skipped"
NO_TARGETS = "no worker has announced a target"
NEWER = "a newer slot was due when checks could run again"
_LOG = logger("scheduler")
Entered = tuple[RunRecord, tuple[str, ...]]  # and the targets whose outstanding job was joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run to be entered: what it takes and why it was asked for."""

    run: RunRecord
    targets: Sequence[TargetRow]
    checks: Sequence[CheckInfo]
    pack: str = ""  # that these checks are of


class Scheduler:
    """The task that looks at the clock."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        control_state: ControlStateWriter,
        library: Library,
        wakeups: Wakeups,
        timing: Timing,
    ) -> None:
        self._bus = bus
        self._store = store
        self._control_state = control_state
        self._library = library
        self._wakeups = wakeups
        self._timing = timing

    async def run_due(self) -> None:
        """Start what is due now; while checks are disabled nothing is, and what waits ends."""
        state = await self._control_state.refresh()
        if not state.enabled or state.since is None:
            await self._end_jobs(state)
            return
        await self._first_run(state, state.since)
        now = clock.now()
        last = await self._store.read(lambda ledger: ledger.runs.last_slots())
        for due in schedule.due(now, last, state.since):
            if self._has_checks(due.schedule, state):
                await self._decide_due(due, state)
            else:
                await self._let_pass(due)

    def _has_checks(self, name: Interval, state: ControlState) -> bool:
        known = self._library.checks(state.disabled_checks)
        # Without any check something is wrong, and the run says so.
        return not known or bool(plan.checks_of(name, known))

    async def _decide_due(self, due: schedule.Due, state: ControlState) -> None:
        for slot in due.skipped:
            await self._decide(due.schedule, slot, SKIPPED, NEWER, state)
        await self._decide(due.schedule, due.run, RUN, "", state)

    async def _let_pass(self, due: schedule.Due) -> None:
        """Nobody is to read of an empty run every four hours."""
        await self._store.transact(lambda ledger: ledger.runs.put_slot(due.schedule, due.run))

    async def _first_run(self, state: ControlState, since: datetime) -> None:
        """The run that follows enabling; it waits a while for workers to say what they serve."""
        slot = since.replace(microsecond=0)
        if await self._is_known(run_id(schedule.ENABLE, slot)):
            return
        now = clock.now()
        targets = await self._targets()
        if not targets and abs(now - since) < self._timing.first_targets:
            return
        await self._decide(schedule.ENABLE, slot, RUN, state.reason, state)

    async def _end_jobs(self, state: ControlState) -> None:
        since = f" since {clock.to_text(state.since)}" if state.since else ""
        reason, now = f"checks are disabled{since}", clock.now()
        while await self._store.read(lambda ledger: ledger.jobs.open(1)):
            ended = await self._store.transact(lambda ledger: end_all(ledger, now, reason))
            _LOG.info("jobs_ended", jobs=ended, reason=reason)
            self._wakeups.store_changed()

    async def _is_known(self, run: str) -> bool:
        return await self._store.read(lambda ledger: ledger.runs.get(run)) is not None

    async def _targets(self) -> list[TargetRow]:
        everything = await self._store.read(lambda ledger: ledger.fleet.all_targets())
        return [target for target in everything if not target.gone]

    async def _decide(
        self, name: str, slot: datetime, decision: str, reason: str, state: ControlState
    ) -> None:
        """Write the decision about a slot, or learn of the one that was first; then act on it."""
        tick = Tick(schedule=name, slot=slot, decision=decision, at=clock.now(), reason=reason)
        with bound(run=run_id(name, slot)):
            stands = await self._claim(tick)
            faultpoint.reach(AFTER_TICK)
            run = RunRecord(
                run_id=run_id(name, slot),
                schedule=name,
                slot=slot,
                state="skipped",
                reason=stands.reason,
                requested_by=state.by if name == schedule.ENABLE else "",
            )
            await self._act_on(stands.decision, run, state)

    async def _act_on(self, decision: str, run: RunRecord, state: ControlState) -> None:
        if decision == RUN:
            await self._library.fetch()
            checks, pack = self._library.checks(state.disabled_checks), self._library.pack
            targets = await self._targets()
            if not targets:
                run = msgspec.structs.replace(run, reason=NO_TARGETS)
            await self.start(Planned(run=run, targets=targets, checks=checks, pack=pack))
        else:
            await self._skip(run)

    async def _claim(self, tick: Tick) -> Tick:
        """The tick that stands for this slot: ours if nobody wrote one before."""
        subject = subjects.tick(tick.schedule, slot_token(tick.slot))
        message = Outgoing(subject=subject, data=codec.encode(tick), expected_last=0)
        (receipt,) = await self._bus.publish([message])
        if receipt.publication is Publication.STORED:
            return tick
        if receipt.publication is not Publication.CONFLICT:
            raise UnreachableError(f"slot {subject} cannot be taken ({receipt.reason})")
        stored = await self._bus.last(subjects.STREAM_TICKS, subject)
        if stored is None:
            raise UnreachableError(f"slot {subject} is taken, but nobody says by what")
        try:
            return codec.decode(Tick, stored.data)
        except ProtocolError as error:
            # Somebody else's rubbish must not stop the schedule: our own decision is as good.
            _LOG.error("tick_rejected", subject=subject, reason=error.message)
            return tick

    async def start(self, planned: Planned) -> tuple[RunRecord, tuple[str, ...]]:
        """Enter run and jobs in one transaction; the targets whose outstanding job was joined."""
        now, timing = clock.now(), self._timing
        known = self._library.checks(self._control_state.state.disabled_checks)

        def enter(ledger: Ledger) -> Entered:
            if known:
                ledger.fleet.replace_checks(known)
            run, joined = _enter(ledger, planned, now, timing)
            return run, joined

        run_id, tracing = planned.run.run_id, traces.get()
        with (
            bound(run=run_id),
            tracing.span("plan", {"run": run_id}, parent=tracing.of_run(run_id)),
        ):
            return await self._started(enter)

    async def _started(self, enter: Callable[[Ledger], Entered]) -> Entered:
        run, joined = await self._store.transact(enter)
        _LOG.info("run_recorded", state=run.state, jobs=run.jobs, joined=len(joined))
        self._wakeups.store_changed()
        return run, joined

    async def _skip(self, run: RunRecord) -> None:
        now = clock.now()

        def enter(ledger: Ledger) -> None:
            if ledger.runs.get(run.run_id) is None:
                ledger.runs.put(run)
                ledger.runs.put_slot(run.schedule, run.slot)
                ledger.outbox.add([event_messages.of_run(RunPhase.SKIPPED, run, now)])

        await self._store.transact(enter)
        _LOG.warning("slot_skipped", reason=run.reason)
        self._wakeups.store_changed()


def _enter(
    ledger: Ledger, planned: Planned, now: datetime, timing: Timing
) -> tuple[RunRecord, tuple[str, ...]]:
    checks = plan.checks_of(planned.run.schedule, planned.checks)
    jobs = plan.jobs(
        planned.run,
        planned.targets,
        checks,
        now=now,
        result_timeout=timing.result_timeout,
        pack=planned.pack,
    )
    outstanding = ledger.jobs.outstanding(job.target for job in jobs)
    jobs, joined = plan.joined(jobs, outstanding)
    return start_run(ledger, planned.run, jobs, now), joined
