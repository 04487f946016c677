"""Start runs: decide about each slot once among all coordinators, and record its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain import plan
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.time import schedule
from stt_coordinator.domain.time.settling import Settling
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.reconcile import end_all
from stt_coordinator.ledger.runs import (
    known_checks,
    note_whole_runs,
    run_of_its_own,
    skip_run,
    start_run,
)
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.guards.clock_guard import AgreedNow
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock, faultpoint
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import run_id, slot_token
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import ControlState, Tick
from stt_shared.protocol.records import RunRecord
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import bound, logger

AFTER_TICK = "after-tick-before-jobs"
RUN, SKIPPED = "run", "skipped"
MAX_AHEAD = timedelta(minutes=1)  # of a decision; beyond it a clock was ahead
NO_TARGETS = "no worker has announced a target"
NEWER = "a newer slot was due when checks could run again"
_LOG = logger("scheduler")
StartedRun = tuple[RunRecord, tuple[str, ...]]  # and the targets whose outstanding job was joined


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run that is to be recorded, its targets, and the names of its checks; None: all."""

    run: RunRecord
    targets: Sequence[TargetRecord]
    checks: frozenset[str] | None = None


class Scheduler:
    """The task that starts runs when they are due."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        control_state: ControlStateWriter,
        library: Library,
        wakeups: Wakeups,
        timing: Timing,
        agreed_now: AgreedNow,
        leads: bool = True,
    ) -> None:
        self._bus = bus
        self._leads = leads  # the checks of the installation are those of the leader
        self._agreed_now = agreed_now
        self._store = store
        self._control_state = control_state
        self._library = library
        self._wakeups = wakeups
        self._timing = timing
        self._new_targets = Settling(timing.new_targets_quiet_s, timing.new_targets_most_s)
        self._ahead: tuple[datetime, datetime] | None = None  # of a state in the future

    async def run_due(self) -> None:
        """Start what is due now; while checks are disabled, end the jobs that wait.

        Raises UnreachableError, StoreError and ProtocolError; a later call continues.
        """
        state = await self._control_state.refresh()
        if not state.enabled or state.since is None:
            await self.end_jobs(state)
            return
        if await self.start_first_run(state, state.since):
            await self.start_new_targets(state)
        last = await self._store.read(lambda ledger: ledger.runs.last_slots())
        if not self._due(last, state.since, clock.now()):
            return
        # Only now: the clocks are compared before each tick, not in each second without one.
        now = await self._agreed_now()
        for due in self._due(last, state.since, now) if now is not None else ():
            known = self._library.checks(state.disabled_checks)
            # Without any check something is wrong, and the run says so. Without one of this
            # interval the slot passes unrecorded: nobody wants an empty run every four hours.
            if known and not plan.checks_of(due.schedule, known):
                await self._store.transact(
                    lambda ledger, due=due: ledger.runs.put_slot(due.schedule, due.run)  # type: ignore[misc]  # bound now
                )
                continue
            for slot in due.skipped:
                await self.decide(due.schedule, slot, SKIPPED, NEWER, state)
            await self.decide(due.schedule, due.run, RUN, "", state)

    def _due(
        self, last: Mapping[str, datetime], since: datetime, now: datetime
    ) -> tuple[schedule.Due, ...]:
        return schedule.due(now, last, self._enabled_since(since, now))

    def _enabled_since(self, since: datetime, now: datetime) -> datetime:
        """`since`; if it lies in the future, when that was first seen: a clock was ahead."""
        if since <= now:
            return since
        if self._ahead is None or self._ahead[0] != since:
            self._ahead = since, now
        return min(self._ahead[1], now)

    async def start_first_run(self, state: ControlState, since: datetime) -> bool:
        """Start the run that follows enabling, once; false while it waits.

        It waits for the first targets, and while the clocks disagree.
        """
        slot = since.replace(microsecond=0)
        first = run_id(schedule.ENABLE, slot)
        # The slot, too: the run is pruned one day, and must not come back then.
        last = await self._store.read(lambda ledger: ledger.runs.last_slots())
        if last.get(schedule.ENABLE) == slot:
            return True
        if await self._store.read(lambda ledger: ledger.runs.get(first)) is not None:
            return True
        # Workers announce themselves every few seconds: until then there is nothing to check.
        is_early = abs(clock.now() - since) < self._timing.first_targets
        if is_early and not await self._present_targets():
            return False
        # A tick as any other: while the clocks disagree its jobs would expire at a wrong instant.
        if await self._agreed_now() is None:
            return False
        await self.decide(schedule.ENABLE, slot, RUN, state.reason, state)
        return True

    async def start_new_targets(self, state: ControlState) -> None:
        """Start one run of all checks on targets that are new, in batches; raises StoreError.

        Once for each: the transaction that records the run notes that they wait no more. It waits
        while the clocks disagree.
        """
        known = self._library.checks(state.disabled_checks)
        families = {check.family for check in known if check.enabled}
        waiting = await self._store.read(lambda ledger: ledger.fleet.awaiting_run())
        new = [row for row in waiting if row.family in families]
        if not self._new_targets.is_complete(len(new), clock.monotonic()):
            return
        # Only now, as for a tick: a wrong clock would name the run, and end its jobs at once.
        now = await self._agreed_now()
        if now is None:
            return
        slot = now.replace(microsecond=0)
        run = RunRecord(
            run_id=run_id(schedule.FIRST, slot), schedule=schedule.FIRST, slot=slot, state="running"
        )
        await self.start(PlannedRun(run=run, targets=new))

    async def end_jobs(self, state: ControlState) -> None:
        """End all outstanding jobs because checks are disabled."""
        since = f" since {clock.to_text(state.since)}" if state.since else ""
        reason, now = f"checks are disabled{since}", clock.now()
        # In limited transactions: ingest waits while one is open.
        while await self._store.read(lambda ledger: ledger.jobs.open(1)):
            ended = await self._store.transact(lambda ledger: end_all(ledger, now, reason))
            _LOG.info("jobs_ended", jobs=ended, reason=reason)
            self._wakeups.store_changed()

    async def decide(
        self, name: str, slot: datetime, decision: str, reason: str, state: ControlState
    ) -> None:
        """Publish the decision about a slot, and act on the one that was first.

        Raises UnreachableError and StoreError; the slot stays due then.
        """
        tick = Tick(schedule=name, slot=slot, decision=decision, at=clock.now(), reason=reason)
        with bound(run=run_id(name, slot)):
            # Before the run is recorded: two coordinators agree on the tick, not on their stores.
            stands = await claim_slot(self._bus, tick)
            if decision == RUN and stands.at - clock.now() > MAX_AHEAD:
                # A clock that was ahead skipped slots that nobody missed: this one runs after all.
                stands = tick
            faultpoint.reach(AFTER_TICK)
            run = RunRecord(
                run_id=run_id(name, slot),
                schedule=name,
                slot=slot,
                state="skipped",
                reason=stands.reason,
                requested_by=state.by if name == schedule.ENABLE else "",
            )
            if stands.decision == RUN:
                await self._library.fetch()
                targets = await self._present_targets()
                planned = PlannedRun(
                    run=run if targets else msgspec.structs.replace(run, reason=NO_TARGETS),
                    targets=targets,
                )
                await self.start(planned)
            else:
                now = clock.now()
                await self._store.transact(lambda ledger: skip_run(ledger, run, now))
                _LOG.warning("slot_skipped", reason=run.reason)
                self._wakeups.store_changed()

    async def _present_targets(self) -> list[TargetRecord]:
        targets = await self._store.read(lambda ledger: ledger.fleet.all_targets())
        return [target for target in targets if not target.gone]

    def record_checks(self, ledger: Ledger) -> None:
        """Make the checks of the library those of the installation, if this one leads.

        In the transaction that reads how they are switched, which others change meanwhile.
        """
        known = self._library.checks(self._control_state.newest(ledger).disabled_checks)
        # Of the leader alone: with those of others the outcomes of its own checks would be lost.
        if known and self._leads:
            ledger.fleet.replace_checks(known, self._library.pack)

    async def start(self, planned: PlannedRun) -> StartedRun:
        """Record a run with its jobs in one transaction; raises StoreError.

        A job of a target whose outstanding job covers its checks shares that one's result: the
        targets for which this holds are returned beside the run. A run on request shares only the
        result of a job that no worker has received yet.
        """
        now, timing = clock.now(), self._timing

        def record(ledger: Ledger) -> StartedRun:
            self.record_checks(ledger)
            known = known_checks(ledger, self._control_state.newest(ledger))
            run = planned.run
            if run.schedule in (schedule.MANUAL, schedule.FIRST):
                run = run_of_its_own(ledger, run)
            only = planned.checks
            checks = [check for check in known if only is None or check.check in only]
            jobs = plan.jobs(
                run,
                planned.targets,
                plan.checks_of(run.schedule, checks),
                now=now,
                result_timeout=timing.result_timeout,
                pack=ledger.fleet.pack(),
            )
            # In this transaction: an outstanding job that ended meanwhile must not be joined.
            names = [job.target for job in jobs]
            ledger.locks.targets(names)
            if run.schedule == schedule.MANUAL:
                # A job that a worker may have received already would answer with older evidence.
                earlier = ledger.jobs.waiting(names)
            else:
                earlier = ledger.jobs.outstanding(names)
            jobs, joined = plan.joined(jobs, earlier)
            note_whole_runs(ledger, jobs, known)
            return start_run(ledger, run, jobs, now), joined

        id_, tracing = planned.run.run_id, traces.get()
        span = tracing.span("plan", {"run": id_}, parent=tracing.of_run(id_))
        with bound(run=id_), span:
            run, joined = await self._store.transact(record)
            _LOG.info("run_recorded", state=run.state, jobs=run.jobs, joined=len(joined))
        self._wakeups.store_changed()
        return run, joined


async def claim_slot(bus: Bus, tick: Tick) -> Tick:
    """The tick that decides its slot: `tick`, unless another coordinator published one first.

    Raises UnreachableError if it is not known which one decides.
    """
    subject = subjects.tick(tick.schedule, slot_token(tick.slot))
    # The stream takes one message of a subject: the broker makes the first tick the only one.
    message = Outgoing(subject=subject, data=codec.encode(tick))
    (receipt,) = await bus.publish([message])
    if receipt.publication is Publication.STORED:
        return tick
    if receipt.publication is not Publication.OCCUPIED:
        raise UnreachableError(f"slot {subject} cannot be planned ({receipt.reason})")
    # Read, not assumed: the tick that was first may have skipped the slot.
    stored = await bus.last(subjects.STREAM_TICKS, subject)
    if stored is None:
        raise UnreachableError(f"slot {subject} is already planned, but its tick is missing")
    try:
        return codec.decode(Tick, stored.data)
    except ProtocolError as error:
        # A message that is not a tick must not stop the schedule: our own decision is as good.
        _LOG.error("tick_rejected", subject=subject, reason=error.message)
        return tick
