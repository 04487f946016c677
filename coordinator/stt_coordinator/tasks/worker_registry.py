"""Keep the registry of workers and targets: hear announcements and record them in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from stt_coordinator.domain.intake.ceilings import Ceilings, TargetBudgets
from stt_coordinator.domain.intake.installations import MARK
from stt_coordinator.domain.intake.names import WithinNames
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.guards.announcements import read_announcement
from stt_coordinator.tasks.guards.foreign_senders import ForeignSenders
from stt_coordinator.tasks.guards.listened_time import ListenedTime
from stt_coordinator.tasks.guards.names_left_out import NamesLeftOut
from stt_coordinator.tasks.guards.recorded import Recorded
from stt_coordinator.tasks.guards.refused_access import RefusedAccess
from stt_coordinator.tasks.guards.shared_targets import SharedTargets
from stt_coordinator.tasks.guards.waiting_announcements import Place, WaitingAnnouncements
from stt_coordinator.tasks.registry.recorder import Recorder
from stt_coordinator.tasks.registry.shown import Shown
from stt_coordinator.tasks.stream_upkeep import JobConsumers
from stt_coordinator.tasks.troubles import RETRYABLE
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import subjects
from stt_shared.telemetry.logs import logger

_LOG = logger("registry")


class WorkerRegistry:
    """Two tasks: `listen` keeps the latest announcement of each worker, `record` stores them."""

    def __init__(
        self,
        *,
        bus: Bus,
        store: Store,
        wakeups: Wakeups,
        timing: Timing,
        ceilings: Ceilings | None = None,
    ) -> None:
        self._bus = bus
        self._store = store
        self._wakeups = wakeups
        self._timing = timing
        self._waiting = WaitingAnnouncements()
        self._budgets = TargetBudgets(ceilings or Ceilings())
        self._shown = Shown(self._budgets.ceilings)
        self.consumers = JobConsumers(bus, store)
        self._listened = ListenedTime(timing.worker_down.total_seconds())
        # Silence is measured by the monotonic clock: a wall clock that jumps silences nobody.
        self._since = clock.monotonic()
        self._heard: dict[str, float] = {}  # when, by worker
        self._refused = RefusedAccess()
        self._foreign = ForeignSenders()
        self._shared = SharedTargets()
        self._left_out = NamesLeftOut()
        self._recorder = Recorder(
            timing=timing,
            budgets=self._budgets,
            listened=self._listened,
            shared=self._shared,
            silence_s=self._silence_s,
        )
        self.sites: Mapping[str, str] = {}  # of each worker that is known
        self.skews: dict[str, float] = {}  # seconds that a worker's clock is behind ours

    @property
    def degraded(self) -> tuple[str, ...]:
        """What is wrong with workers: doubled names, ceilings, refused claims, missing rights."""
        return (
            *self._waiting.sentences(),
            *self._left_out.sentences(),
            *self._shown.sentences(),
            *self._shared.sentences(),
            *self._refused.sentences(),
            *self._foreign.sentences(),
        )

    async def listen(self) -> None:
        """Hear announcements until cancelled."""
        while True:
            try:
                async with self._bus.listen(subjects.ANNOUNCEMENTS) as messages:
                    async for message in messages:
                        self.hear(message)
            except UnreachableError as error:
                _LOG.warning("announcements_missed", reason=error.message)
            await asyncio.sleep(self._timing.trouble_s)

    def hear(self, message: LiveMessage) -> None:
        """Keep an announcement until `record`; a rejected one is logged and dropped.

        An empty one is a probe: somebody asks whether the subject may be used.
        """
        if not message.data:
            return
        try:
            announcement = read_announcement(message)
            # Before anything is kept: nothing of a foreign sender reaches the worker it names.
            self._foreign.check(message, announcement)
        except ProtocolError as error:
            code, subject = error.code, message.subject
            _LOG.warning("announcement_rejected", code=code, reason=error.message, subject=subject)
        else:
            worker, place = announcement.worker, self._waiting.keep(announcement)
            if place is Place.KEPT:
                self._refused.note(announcement)
                self.skews[worker] = (clock.now() - announcement.at).total_seconds()
            elif place is Place.CROWDED:
                self._shown.note_crowded(worker)

    async def record(self) -> None:
        """Record what was heard since the last call, and who has been silent too long.

        Raises UnreachableError and StoreError; what was heard is kept for the next call then.
        """
        heard = self._waiting.take()
        now = clock.now()
        try:
            done = None if heard else await self._store.read(self._recorder.without_news)
            if done is None:
                done = await self._store.transact(
                    lambda ledger: self._recorder.record(ledger, heard, now)
                )
            # After the commit: a transaction that is tried again must not spend the budgets twice.
            self._note(done)
            accepted = [one.announcement for one in done.bounded.values()]
            served = {(one.site, target.family) for one in accepted for target in one.targets}
            await self.consumers.ensure(served)
        except RETRYABLE:
            # What came meanwhile is newer; only what nobody repeated is put back.
            self._waiting.put_back(heard)
            raise
        if done.changed:
            self._wakeups.store_changed()
            self._wakeups.schedule.set()
            self._wakeups.watermarks.set()

    def _note(self, done: Recorded) -> None:
        """Keep what the status shows, and count new targets once they are recorded."""
        at = clock.monotonic()
        for worker, one in done.bounded.items():
            self._heard[worker] = at
            self._listened.hear((one.announcement.site, worker))
            if MARK in worker:
                self.skews[worker] = (clock.now() - one.announcement.at).total_seconds()
            if one.new or one.changes:
                self._budgets.spend(worker, one, at)
        self._shown.note(done)
        self._shared.restore(done.shares)
        self._shared.note(done.shared)
        self._left_out.note(done.names or WithinNames(announcements={}))
        self._waiting.holders = done.holders
        self.sites = done.workers
        self._forget_others(done.workers)

    def _forget_others(self, workers: Collection[str]) -> None:
        """Forget what is kept by the names of other workers: of those the store has MAX_WORKERS."""
        self.skews = {name: s for name, s in self.skews.items() if name in workers}
        self._heard = {name: at for name, at in self._heard.items() if name in workers}
        self._listened.forget_others(workers)
        self._shown.forget_others(workers)
        self._shared.forget_others(workers)
        self._budgets.forget_others(workers)

    def _silence_s(self, worker: str) -> float:
        """Seconds since the worker of this name was heard, or since this process listens."""
        return clock.monotonic() - self._heard.get(worker, self._since)
