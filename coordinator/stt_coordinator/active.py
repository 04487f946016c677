"""Wire the tasks of a coordinator that is active and does not lead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.service import handlers
from stt_coordinator.coordinator import IDLE_S, CoordinatorDependencies
from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.lease.joining import Joined
from stt_coordinator.lease.standbys import Standbys
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.packs.library import Library, built_in_of
from stt_coordinator.tasks.control_state import ControlStateWriter
from stt_coordinator.tasks.guards.clock_guard import ClockGuard
from stt_coordinator.tasks.guards.nonce_gate import NonceGate
from stt_coordinator.tasks.guards.unused_results import UnusedResults
from stt_coordinator.tasks.ingest import Ingest
from stt_coordinator.tasks.readiness import Readiness
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.troubles import RETRYABLE, Troubles
from stt_coordinator.tasks.wakeups import WAKE_S, Wakeup, repeat, woken_as_one
from stt_shared import clock
from stt_shared.lifecycle import supervise
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.coordinators import CoordinatorInfo
from stt_shared.telemetry.logs import logger

FETCH_S = 60.0  # between two looks for the pack of the leader while it is another than the own
_LOG = logger("coordinator")


class ActiveCoordinator:
    """Takes in results, answers requests and serves the page, in the epoch of the leader.

    `announce` tells the leader that something was committed. It plans, publishes and deletes
    nothing: what it commits the leader reads from the store.
    """

    def __init__(
        self,
        dependencies: CoordinatorDependencies,
        joined: Joined,
        announce: Callable[[], Awaitable[None]],
    ) -> None:
        bus, store, timing = dependencies.bus, dependencies.store, dependencies.timing
        self._bus, self._store, self._timing = bus, store, timing
        self._joined, self._announce = joined, announce
        self._page, self._retention = dependencies.page, dependencies.retention
        self._results = subjects.results_consumer(joined.term.epoch, is_shared=True)
        # One for all: whatever was committed, it is the leader that has to look at the store.
        self._committed = Wakeup()
        self._wakeups = woken_as_one(self._committed)
        self._counters, self._troubles = Counters(), Troubles()
        self._report, self._pack = LeaderReport(), ""  # of the leader, and the digest of its pack
        self._fetched: float | None = None  # when its pack was looked for last
        self._others = Standbys(bus, timing.lease_ttl_s)
        self._control_state = ControlStateWriter(bus, store, is_shared=True)
        self._library = Library(dependencies.checks, dependencies.fetcher)
        self._clock = ClockGuard(bus=bus, store=store, wakeups=self._wakeups, keeps=False)
        self._nonces = NonceGate(store, self._clock.now, dependencies.require_nonce)
        self._unused = UnusedResults(dependencies.unused_mib_per_hour, is_shared=True)
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
            gives_back_s=timing.lease_ttl_s,
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
            leads=False,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set; an unexpected error of a task ends all and is raised."""
        if not await self._prepare(stop):
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
            leads=False,
            leader_report=lambda: self._report,
            results_consumer=self._results.name,
            silent_after=self._timing.worker_down,
            skews=lambda: self._report.skews,
            clock=self._clock,
            nonce_rule=lambda: self._nonces.rule,
        )
        served = handlers(context)
        # The leader's own state, which nobody else knows.
        del served[subjects.control(Verb.HEALTH)]
        async with self._bus.serve(served):
            tasks = self._tasks()
            if self._page is not None:
                tasks["page"] = self._page(context, self._troubles)
            await supervise(tasks, stop)

    async def _prepare(self, stop: asyncio.Event) -> bool:
        """Read control state, checks and report; false if `stop` came first."""
        while not stop.is_set():
            try:
                await self._control_state.refresh()
                await self._library.begin()
                await self._nonces.required()  # read now, so that the status shows it
                await self._read_report()
            except RETRYABLE as error:
                _LOG.warning("start_delayed", reason=error.message, hint=error.hint)
                await asyncio.sleep(self._timing.trouble_s)
            else:
                return True
        return False

    def _tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        timing = self._timing
        again = partial(repeat, trouble_s=timing.trouble_s, troubles=self._troubles)
        return {
            "state": partial(again, self._refresh, Wakeup(), every_s=timing.schedule_s),
            "clock": partial(again, self._clock.compare, Wakeup(), every_s=timing.clock_s),
            "report": partial(again, self._follow_leader, Wakeup(), every_s=timing.report_s),
            "commits": partial(again, self._tell_leader, self._committed, every_s=IDLE_S),
            "ingest": self._ingest.run,
            "standbys": self._others.listen,
        }

    async def _refresh(self) -> None:
        await self._control_state.refresh()

    async def _read_report(self) -> None:
        self._report, self._pack = await self._store.read(
            lambda ledger: (ledger.fleet.leader_report(), ledger.fleet.pack())
        )

    async def _follow_leader(self) -> None:
        await self._read_report()
        now = clock.monotonic()
        is_late = self._fetched is None or now - self._fetched >= FETCH_S
        if self._pack == self._library.pack or not is_late:
            return
        # Runs are planned with the leader's in any case: this is for the texts of its checks.
        self._fetched = now
        await self._library.fetch()

    async def _tell_leader(self) -> None:
        await self._announce()
        # The limit: under load a message for each batch would be one for each few milliseconds.
        await asyncio.sleep(WAKE_S)

    def leader(self) -> CoordinatorInfo | None:
        """The leader as the lease names it, and the other coordinators."""
        return self._joined.info(self._others.present())

    def degraded(self) -> tuple[str, ...]:
        """What the leader reports, and what does not work here: sentences for the status."""
        one = self._joined.claimant
        here = (f"coordinator {one.name} on {one.host}: {what}" for what in self.own_troubles())
        return (*self._report.degraded, *here)

    def own_troubles(self) -> tuple[str, ...]:
        """What does not work here, as sentences; the leader shows the first one."""
        return (
            *self._troubles.sentences(),
            *self._clock.degraded,
            *self._library.troubles,
            *self._unused.degraded,
            *self._differences(),
        )

    def _differences(self) -> Iterator[str]:
        """How this one is not as the leader: sentences."""
        report, own = self._report, built_in_of(self._library)
        if self._pack != self._library.pack or (report.built_in and own != report.built_in):
            yield (
                "its checks are others than those of the leader, which every run uses: texts of"
                " checks are its own"
            )
        if report.nonce_rule and self._nonces.rule != report.nonce_rule:
            yield f"results without a nonce {self._nonces.rule}, not as at the leader"
