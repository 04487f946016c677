"""The coordinator's parts put together on any bus and store: its named tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from stt_coordinator.alerts.delivery_loop import Channel, keep, task_of
from stt_coordinator.control.handler_context import Desk
from stt_coordinator.control.readiness import Readiness
from stt_coordinator.control.service import handlers
from stt_coordinator.domain.timing import Pace
from stt_coordinator.ledger import suppressions
from stt_coordinator.ledger.reconcile import LIMIT, reconcile
from stt_coordinator.metrics.counters import Meters
from stt_coordinator.packs.fetcher import Supply
from stt_coordinator.packs.library import Library
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.control_state import Switch
from stt_coordinator.tasks.dispatcher import Dispatcher
from stt_coordinator.tasks.ingest import Ingest
from stt_coordinator.tasks.outbox_publisher import Reporter
from stt_coordinator.tasks.retention import Keep, prune
from stt_coordinator.tasks.scheduler import Scheduler
from stt_coordinator.tasks.wakeups import TROUBLE, Bell, Bells, often
from stt_coordinator.tasks.watermarks import Watermarks
from stt_coordinator.tasks.worker_registry import Presence
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.lifecycle import supervise
from stt_shared.protocol import subjects
from stt_shared.telemetry.logs import logger

STREAMS_S = 60.0  # between two looks at whether the streams are as they must be
EXCEPTIONS_S = 60.0  # between two looks at which exceptions end
IDLE_S = 30.0  # a task nobody rings for looks by itself
_LOG = logger("coordinator")


# Given the desk and where troubles are told: the task that serves the page.
PageOf = Callable[[Desk, dict[str, str]], Callable[[], Awaitable[None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a coordinator works with."""

    bus: Bus
    store: Store
    checks: Callable[[], Catalogue]
    pace: Pace
    page: PageOf | None = None
    channels: Sequence[Channel] = ()  # that findings are told by
    keep: Keep = field(default_factory=Keep)
    supply: Supply | None = None  # None: the checks are those of the installation


class Coordinator:
    """Every part, wired; `run` lives until it is told to stop."""

    def __init__(self, means: Means) -> None:
        bus, store, pace = means.bus, means.store, means.pace
        self._page = means.page
        self._channels = means.channels
        self._bus, self._store, self._pace = bus, store, pace
        self._keep = means.keep
        self._bells = Bells()
        self._meters = Meters()
        self._cannot: tuple[str, ...] = ()
        self._troubles: dict[str, str] = {}  # of tasks that are being tried again
        self._switch = Switch(bus, store)
        self._library = Library(means.checks, means.supply)
        self._watermarks = Watermarks(bus, store)
        self._presence = Presence(bus=bus, store=store, bells=self._bells, pace=pace)
        self._dispatcher = Dispatcher(bus=bus, store=store, pace=pace)
        self._reporter = Reporter(
            bus=bus,
            store=store,
            switch=self._switch,
            bells=self._bells,
            pace=pace,
            meters=self._meters,
        )
        self._ingest = Ingest(
            bus=bus,
            store=store,
            watermarks=self._watermarks,
            bells=self._bells,
            pace=pace,
            troubles=self._troubles,
            meters=self._meters,
        )
        self._readiness = Readiness(switch=self._switch, store=store, ingest=self._ingest)
        self._scheduler = Scheduler(
            bus=bus,
            store=store,
            switch=self._switch,
            library=self._library,
            bells=self._bells,
            pace=pace,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop`; an error nobody foresaw ends all tasks and is raised."""
        if not await self._prepared(stop):
            return
        desk = Desk(
            store=self._store,
            switch=self._switch,
            library=self._library,
            scheduler=self._scheduler,
            bells=self._bells,
            degraded=self._degraded,
            ready=self._readiness.look,
            meters=self._meters,
            keep=self._keep,
            silent_after=self._pace.worker_down,
            skews=lambda: self._presence.skews,
        )
        async with self._bus.serve(handlers(desk)):
            _LOG.info("ready", enabled=self._switch.state.enabled)
            tasks = self._tasks()
            if self._page is not None:
                tasks["page"] = self._page(desk, self._troubles)
            await supervise(tasks, stop)

    async def _prepared(self, stop: asyncio.Event) -> bool:
        """Streams, checks and control state, tried until they are there; false if stopped first."""
        while not stop.is_set():
            try:
                await self._ensure()
                await self._library.begin()
                state = await self._switch.refresh()
                await self._switch.nudge()
                await self._know_checks(state.disabled_checks)
            except TROUBLE as error:
                _LOG.warning("not ready yet", reason=error.message, hint=error.hint)
                await asyncio.sleep(self._pace.trouble_s)
            else:
                return True
        return False

    async def _know_checks(self, disabled: tuple[str, ...]) -> None:
        checks = self._library.checks(disabled)
        if checks:
            await self._store.transact(lambda ledger: ledger.replace_checks(checks))

    async def _ensure(self) -> None:
        found = await self._bus.ensure(subjects.STREAMS, [subjects.aggregator()])
        for sentence in set(found) - set(self._cannot):
            _LOG.warning("degraded", what=sentence)
        self._cannot = found

    def _degraded(self) -> tuple[str, ...]:
        of_tasks = dict.fromkeys(self._troubles.values())
        return (*self._cannot, *self._library.trouble, *of_tasks, *self._presence.degraded)

    def _tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        bells, pace = self._bells, self._pace
        again = partial(often, trouble_s=pace.trouble_s, troubles=self._troubles)
        repeated: dict[str, tuple[Callable[[], Awaitable[None]], Bell, float]] = {
            "presence": (self._presence.write, Bell(), pace.presence_s),
            "schedule": (self._scheduler.look, bells.schedule, pace.schedule_s),
            "dispatch": (self._dispatcher.send_pending, bells.dispatch, pace.schedule_s),
            "watermarks": (self._watermarks.publish, bells.watermarks, IDLE_S),
            "events": (self._reporter.let_out, bells.leaving, IDLE_S),
            "summary": (self._reporter.sum_up, bells.summary, IDLE_S),
            "exceptions": (self._look_after_exceptions, Bell(), EXCEPTIONS_S),
            "retention": (partial(prune, self._store, self._keep), Bell(), pace.prune_s),
        }
        # Not at once: after a start there are results to take in that came meanwhile.
        later: dict[str, tuple[Callable[[], Awaitable[None]], float]] = {
            "reconcile": (self._reconcile, pace.reconcile_s),
            "streams": (self._keep_streams, STREAMS_S),
        }
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            name: partial(again, step, bell, every_s=every_s)
            for name, (step, bell, every_s) in repeated.items()
        }
        tasks |= {
            name: partial(again, step, Bell(), every_s=s, first_s=s)
            for name, (step, s) in later.items()
        }
        tasks |= {task_of(one): partial(keep, one, self._troubles) for one in self._channels}
        return {**tasks, "ingest": self._ingest.run, "announcements": self._presence.listen}

    async def _keep_streams(self) -> None:
        await self._ensure()
        self._presence.forget_consumers()
        self._watermarks.forget()
        self._bells.watermarks.ring()

    async def _look_after_exceptions(self) -> None:
        while True:
            now = clock.now()
            due = await self._store.transact(lambda ledger: suppressions.look_after(ledger, now))  # noqa: B023  # it runs now
            if due:
                _LOG.info("exceptions ended or end soon", exceptions=due)
                self._bells.books_changed()
            if due < suppressions.LIMIT:
                return

    async def _reconcile(self) -> None:
        while True:
            now, pace = clock.now(), self._pace
            late = await self._store.transact(lambda ledger: reconcile(ledger, now, pace))  # noqa: B023  # it runs now
            if late:
                _LOG.warning("jobs without a result by their deadline", jobs=late)
                self._bells.books_changed()
            if late < LIMIT:
                return
