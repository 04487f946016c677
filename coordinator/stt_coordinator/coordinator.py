"""Wire the tasks of the leader on any bus and store."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from stt_coordinator.alerts.delivery_loop import Channel, run_channel, task_of
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.service import handlers
from stt_coordinator.domain.intake.ceilings import Ceilings
from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.lease.election import Office
from stt_coordinator.lease.fenced_store import StoreWatch
from stt_coordinator.lease.port import RENEWALS
from stt_coordinator.lease.standbys import Standbys
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.library import Library, built_in_of
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.deadlines import end_suppressions, forget_absent, reconcile_jobs
from stt_coordinator.tasks.dispatcher import Dispatcher
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.guards.silent_takers import SilentTakers
from stt_coordinator.tasks.guards.unused_results import DEFAULT_MIB, UnusedResults
from stt_coordinator.tasks.ingest import Ingest
from stt_coordinator.tasks.outbox_publisher import OutboxPublisher
from stt_coordinator.tasks.readiness import Readiness
from stt_coordinator.tasks.replay import replay
from stt_coordinator.tasks.replicas import Replicas
from stt_coordinator.tasks.retention import RetentionLimits, prune
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.stream_upkeep import KeptStreams, keep_usable
from stt_coordinator.tasks.troubles import RETRYABLE, ReportKeeper, Troubles
from stt_coordinator.tasks.wakeups import Wakeup, Wakeups, repeat, wake_all
from stt_coordinator.tasks.watermarks import Watermarks
from stt_coordinator.tasks.worker_registry import WorkerRegistry
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.lifecycle import supervise
from stt_shared.protocol import subjects
from stt_shared.protocol.coordinators import CoordinatorInfo
from stt_shared.telemetry.logs import logger

STREAMS_S = 60.0  # between two checks that the streams are as they must be
IDLE_S = 30.0  # after which a task runs that nobody woke
_LOG = logger("coordinator")


# Makes the task that serves the page from the context of handlers and the troubles by task.
PageFactory = Callable[[HandlerContext, Troubles], Callable[[], Awaitable[None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorDependencies:
    """Bus, store, settings and adapters that the composition root hands to `Coordinator`."""

    bus: Bus
    store: Store
    checks: Callable[[], Catalogue]
    timing: Timing
    page: PageFactory | None = None
    channels: Sequence[Channel] = ()  # that deliver alerts
    retention: RetentionLimits = field(default_factory=RetentionLimits)
    ceilings: Ceilings = field(default_factory=Ceilings)
    unused_mib_per_hour: int = DEFAULT_MIB
    require_nonce: bool | None = None  # None: nobody has set it
    subscribers: Sequence[str] = ()  # whose consumers of events are kept
    office: Office | None = None  # by which it leads; None: nobody else can, as in tests
    is_shared: bool = False  # other coordinators are active on the same store
    fetcher: PackFetcher | None = None  # None: the checks are those of the installation


class Coordinator:
    """Every task, wired; `run` lives until it is stopped."""

    def __init__(self, dependencies: CoordinatorDependencies) -> None:
        bus, store, timing = dependencies.bus, dependencies.store, dependencies.timing
        self._page, self._channels = dependencies.page, dependencies.channels
        self._bus, self._store, self._timing = bus, store, timing
        self._retention, self._office = dependencies.retention, dependencies.office
        self._is_shared, self._others_changed = dependencies.is_shared, Wakeup()
        own, epoch = (one.claimant, one.term.epoch) if (one := self._office) else (None, 1)
        self._results = subjects.results_consumer(epoch, is_shared=self._is_shared)
        self._standbys = Standbys(bus, timing.lease_ttl_s, self._others_changed.set, own)
        self._watch = StoreWatch(store, 2 * timing.lease_ttl_s)
        self._wakeups, self._counters, self._troubles = Wakeups(), Counters(), Troubles()
        self._streams, self._replicas = KeptStreams(bus, dependencies.subscribers), Replicas(bus)
        self._control_state = ControlStateWriter(bus, store, is_shared=dependencies.is_shared)
        self._library = Library(dependencies.checks, dependencies.fetcher)
        self._watermarks = Watermarks(bus, store)
        self._registry = WorkerRegistry(
            bus=bus,
            store=store,
            wakeups=self._wakeups,
            timing=timing,
            ceilings=dependencies.ceilings,
        )
        self._takers = SilentTakers(timing.result_timeout, lambda: self._registry.sites)
        self._dispatcher = Dispatcher(bus=bus, store=store, timing=timing, takers=self._takers)
        self._publisher = OutboxPublisher(
            bus=bus,
            store=store,
            control_state=self._control_state,
            wakeups=self._wakeups,
            timing=timing,
            counters=self._counters,
        )
        self._unused = UnusedResults(dependencies.unused_mib_per_hour, is_shared=self._is_shared)
        self._clock = ClockGuard(bus=bus, store=store, wakeups=self._wakeups)
        self._nonces = NonceGate(store, self._clock.now, dependencies.require_nonce)
        self._ingest = Ingest(
            bus=bus,
            store=store,
            wakeups=self._wakeups,
            timing=timing,
            consumer=self._results,
            troubles=self._troubles,
            counters=self._counters,
            nonces=self._nonces,
            unused=self._unused,
            gives_back_s=timing.lease_ttl_s if self._is_shared else math.inf,
        )
        self._readiness = Readiness(
            control_state=self._control_state, store=store, ingest=self._ingest
        )
        self._scheduler = Scheduler(
            bus=bus,
            store=store,
            control_state=self._control_state,
            library=self._library,
            wakeups=self._wakeups,
            timing=timing,
            agreed_now=self._clock.now,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set; an unexpected error of a task ends all and is raised."""
        if not await self.prepare(stop):
            return
        context = HandlerContext(
            store=self._store,
            control_state=self._control_state,
            library=self._library,
            scheduler=self._scheduler,
            wakeups=self._wakeups,
            degraded=self.degraded,
            ready=self._readiness.check,
            counters=self._counters,
            retention=self._retention,
            leader=self.leader,
            results_consumer=self._results.name,
            silent_after=self._timing.worker_down,
            skews=lambda: self._registry.skews,
            clock=self._clock,
            nonce_rule=lambda: self._nonces.rule,
        )
        async with self._bus.serve(handlers(context)):
            _LOG.info("coordinator_started", enabled=self._control_state.state.enabled)
            tasks = self.tasks()
            if self._page is not None:
                tasks["page"] = self._page(context, self._troubles)
            await supervise(tasks, stop)

    async def prepare(self, stop: asyncio.Event) -> bool:
        """Ensure streams, read checks and control state; false if `stop` came first."""
        while not stop.is_set():
            try:
                await self._streams.ensure(())
                # Before results are ingested: the consumers of earlier epochs must be gone.
                await self._bus.succeed(self._results, subjects.epoch_of_consumer)
                # After that: as a predecessor it is deleted.
                await self._streams.keep_placeholder()
                # After the consumers: from here on what an earlier coordinator still writes is
                # refused.
                await self._control_state.take_over()
                await self._library.begin()
                await self._nonces.required()  # read now, so that the status shows it
                await self._control_state.nudge()
                await self._store.transact(self._scheduler.record_checks)
            except RETRYABLE as error:
                _LOG.warning("start_delayed", reason=error.message, hint=error.hint)
                await asyncio.sleep(self._timing.trouble_s)
            else:
                return True
        return False

    def leader(self) -> CoordinatorInfo | None:
        """The lease by which this coordinator leads, and the other coordinators."""
        return self._office.info(self._standbys.present()) if self._office else None

    def degraded(self) -> tuple[str, ...]:
        """What does not work at the moment: sentences for the status."""
        of_tasks = self._troubles.sentences()
        if self._is_shared:
            of_tasks += self._standbys.degraded
        of_fleet = (*self._registry.degraded, *self._nonces.degraded, *self._unused.degraded)
        of_fleet += (*self._ingest.outboxes.degraded, *self._takers.degraded)
        of_nats = (*self._streams.degraded, *self._replicas.degraded, *self._watermarks.degraded)
        return (*self._clock.degraded, *of_nats, *self._library.troubles, *of_tasks, *of_fleet)

    async def _hand_over(self) -> None:
        """End the term if the store is out of reach from here, and another coordinator reaches it.

        After twice the time in which such a one ends its own work if it does not reach it either.
        """
        reason = await self._watch.inspect()
        others = [one for one in self._standbys.present() if one.active and not one.obstacle]
        if reason and others and self._office is not None:
            self._office.term.lose(f"{reason}, and {others[0].name} reaches it")

    def _report(self) -> LeaderReport:
        """What the other coordinators show of this one."""
        library, skews = self._library, self._registry.skews
        return LeaderReport(
            degraded=self.degraded(),
            pack=library.status,
            built_in=built_in_of(library),
            releases_as_of=library.catalogue.as_of,
            nonce_rule=self._nonces.rule,
            # Whole seconds: with each announcement the fractions are others.
            skews={name: round(skew) for name, skew in skews.items()},
        )

    def tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Every task by its name, but the page."""
        bus, store, wakeups, timing = self._bus, self._store, self._wakeups, self._timing
        now, mark = self._clock.now, self._clock.mark
        absent = partial(forget_absent, store, wakeups, mark, timing.forget_discovered)
        again = partial(repeat, trouble_s=timing.trouble_s, troubles=self._troubles)
        repeated: dict[str, tuple[Callable[[], Awaitable[None]], Wakeup, float]] = {
            "registry": (self._registry.record, Wakeup(), timing.registry_s),
            "schedule": (self._scheduler.run_due, wakeups.schedule, timing.schedule_s),
            "dispatch": (self._dispatcher.send_pending, wakeups.dispatch, timing.schedule_s),
            "watermarks": (self._watermarks.publish, wakeups.watermarks, IDLE_S),
            "events": (self._publisher.publish, wakeups.outbox, IDLE_S),
            "summary": (self._publisher.publish_summary, wakeups.summary, IDLE_S),
            "replay": (partial(replay, store, wakeups), wakeups.replay, IDLE_S),
            "suppressions": (
                partial(end_suppressions, store, wakeups, now),
                Wakeup(),
                timing.ends_s,
            ),
            "absent": (absent, Wakeup(), timing.ends_s),
            "retention": (partial(prune, store, self._retention, mark), Wakeup(), timing.prune_s),
            "clock": (self._clock.compare, Wakeup(), timing.clock_s),
            "replicas": (self._replicas.compare, Wakeup(), timing.replicas_s),
        }
        if self._is_shared:
            report = ReportKeeper(store, self._report)
            repeated["report"] = (report.keep, Wakeup(), timing.report_s)
            repeated["store"] = (self._hand_over, Wakeup(), timing.lease_ttl_s / RENEWALS)
            repeated["others"] = (partial(wake_all, wakeups), self._others_changed, IDLE_S)
        takers = self._takers
        reconcile = partial(reconcile_jobs, bus, store, timing, now, wakeups=wakeups, takers=takers)
        # Not at once: results that came while nobody was here would look late.
        later: dict[str, tuple[Callable[[], Awaitable[None]], Wakeup, float]] = {
            "reconcile": (reconcile, Wakeup(), timing.reconcile_s),
            "streams": (self._keep_streams, wakeups.streams, STREAMS_S),
        }
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            name: partial(again, step, wakeup, every_s=every_s)
            for name, (step, wakeup, every_s) in repeated.items()
        }
        tasks |= {
            name: partial(again, step, wakeup, every_s=s, first_s=s)
            for name, (step, wakeup, s) in later.items()
        }
        tasks |= {task_of(one): partial(run_channel, one, self._troubles) for one in self._channels}
        return {
            **tasks,
            "ingest": self._ingest.run,
            "announcements": self._registry.listen,
            "standbys": self._standbys.listen,
        }

    async def _keep_streams(self) -> None:
        await self._streams.ensure([self._results])
        await self._streams.keep_placeholder()
        if self._office is not None:
            # Streams that were made anew have no fence: the next renewal writes it.
            self._office.term.doubted.set()
        consumers = self._registry.consumers
        await consumers.drop_left()
        # Before they are forgotten: only consumers that were ensured here can be asked.
        await keep_usable(self._bus, self._results, consumers.specs)
        consumers.forget()
        await self._watermarks.verify()
        self._wakeups.watermarks.set()
