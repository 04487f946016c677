"""Keep the registry of workers and targets: hear announcements and record them in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime

from stt_coordinator.domain.fleet import announced_worker, silent_workers, worker_event
from stt_coordinator.domain.intake import ceilings, installations
from stt_coordinator.domain.intake.ceilings import Bounded, Ceilings, Fleet, TargetBudgets
from stt_coordinator.domain.intake.installations import (
    MARK,
    MAX_DOUBLES,
    Installation,
    holders_of,
    named,
)
from stt_coordinator.domain.intake.names import WithinNames, within_names
from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.domain.target_life import (
    Presence,
    announced_targets,
    claim_sentences,
)
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger import event_messages, suppressions
from stt_coordinator.ledger.targets import apply_changes
from stt_coordinator.ledger.watermarks import move_new_watermarks
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.guards.announcements import read_announcement
from stt_coordinator.tasks.guards.foreign_senders import ForeignSenders
from stt_coordinator.tasks.guards.listened_time import ListenedTime
from stt_coordinator.tasks.guards.names_left_out import NamesLeftOut
from stt_coordinator.tasks.guards.recorded import Recorded
from stt_coordinator.tasks.guards.refused_access import RefusedAccess
from stt_coordinator.tasks.guards.shared_targets import SharedTargets, newly_shared
from stt_coordinator.tasks.guards.waiting_announcements import Place, WaitingAnnouncements
from stt_coordinator.tasks.stream_upkeep import JobConsumers
from stt_coordinator.tasks.troubles import RETRYABLE
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.messages import Announcement
from stt_shared.telemetry.logs import logger

MAX_CLAIMS_NAMED = 5
CROWDED_S = 60.0  # a name is shown as crowded: four announcements of each of its workers
MAX_CROWDED = 1_000  # names that are remembered as crowded
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
        self._bounded: dict[str, Bounded] = {}  # by worker, where targets are left out
        self._doubled: tuple[str, ...] = ()
        self._crowded: dict[str, float] = {}  # when a name had too many doubles
        self.consumers = JobConsumers(bus, store)
        self._claims: tuple[str, ...] = ()
        self._listened = ListenedTime(timing.worker_down.total_seconds())
        # Silence is measured by the monotonic clock: a wall clock that jumps silences nobody.
        self._since = clock.monotonic()
        self._heard: dict[str, float] = {}  # when, by worker
        self._refused = RefusedAccess()
        self._foreign = ForeignSenders()
        self._shared = SharedTargets()
        self._left_out = NamesLeftOut()
        self.sites: Mapping[str, str] = {}  # of each worker that is known
        self.skews: dict[str, float] = {}  # seconds that a worker's clock is behind ours

    @property
    def degraded(self) -> tuple[str, ...]:
        """What is wrong with workers: doubled names, ceilings, refused claims, missing rights."""
        crowded = (
            f"worker {name} has more than {MAX_DOUBLES} doubles: the others are left out"
            for name, at in sorted(self._crowded.items())
            if clock.monotonic() - at <= CROWDED_S
        )
        above = ceilings.sentences(self._bounded, self._budgets.ceilings)
        return (
            *self._waiting.sentences(),
            *self._left_out.sentences(),
            *self._doubled[:MAX_CLAIMS_NAMED],
            *list(crowded)[:MAX_CLAIMS_NAMED],
            *above[:MAX_CLAIMS_NAMED],
            *self._claims[:MAX_CLAIMS_NAMED],
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
            elif place is Place.CROWDED and len(self._crowded) < MAX_CROWDED:
                self._crowded[worker] = clock.monotonic()

    async def record(self) -> None:
        """Record what was heard since the last call, and who has been silent too long.

        Raises UnreachableError and StoreError; what was heard is kept for the next call then.
        """
        heard = self._waiting.take()
        now = clock.now()
        try:
            done = None if heard else await self._store.read(self._without_news)
            if done is None:
                done = await self._store.transact(lambda ledger: self._record(ledger, heard, now))
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
        self._claims = self._claims if done.claims is None else done.claims
        for worker, one in done.bounded.items():
            self._heard[worker] = at
            self._listened.hear((one.announcement.site, worker))
            if MARK in worker:
                self.skews[worker] = (clock.now() - one.announcement.at).total_seconds()
            if one.new or one.changes:
                self._budgets.spend(worker, one, at)
            self._note_bounded(worker, one)
        for worker in done.away:
            self._bounded.pop(worker, None)
        if done.bounded or done.away:
            for sentence in set(done.doubled) - set(self._doubled):
                _LOG.warning("worker_doubled", reason=sentence)
            self._doubled = done.doubled
        self._shared.note(done.shared)
        self._left_out.note(done.names or WithinNames(announcements={}))
        self._crowded |= dict.fromkeys(done.crowded[:MAX_CROWDED], at)
        # Names that only a flood knew are forgotten with it.
        recent = [(name, t) for name, t in self._crowded.items() if at - t <= CROWDED_S]
        self._crowded = dict(recent[-MAX_CROWDED:])
        self._waiting.holders = done.holders
        self.sites = done.workers
        self._forget_others(done.workers)

    def _forget_others(self, workers: Collection[str]) -> None:
        """Forget what is kept by the names of other workers: of those the store has MAX_WORKERS."""
        self.skews = {name: s for name, s in self.skews.items() if name in workers}
        self._heard = {name: at for name, at in self._heard.items() if name in workers}
        self._bounded = {name: one for name, one in self._bounded.items() if name in workers}
        self._listened.forget_others(workers)
        self._shared.forget_others(workers)
        self._budgets.forget_others(workers)

    def _note_bounded(self, worker: str, one: Bounded) -> None:
        """Keep and log that targets of a worker are left out, or held as they are."""
        before = self._bounded.pop(worker, None)
        if one.left_out or one.is_held:
            self._bounded[worker] = one
        if one.is_held and not (before and before.is_held):
            _LOG.warning("targets_held", worker=worker, announced=one.announced)
        elif one.left_out and not one.is_held and before is None:
            amount, out = one.announced, one.left_out
            _LOG.warning("targets_left_out", worker=worker, announced=amount, left_out=out)

    def _without_news(self, ledger: Ledger) -> Recorded | None:
        """What is recorded already, if nobody was heard or fell silent: nothing is written then.

        Most of the time: a transaction that writes would have all others of the store wait.
        """
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        if silent_workers(known.values(), self._silence_s, self._timing.worker_down):
            return None
        return Recorded(workers=_sites_of(known), holders=holders_of(known))

    def _record(
        self, ledger: Ledger, found: Mapping[Installation, Announcement], now: datetime
    ) -> Recorded:
        """Record workers and targets in one transaction."""
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        before = {row.target: row for row in ledger.fleet.all_targets()} if found else {}
        names = named(found.values(), known, before, self._silence_s, self._timing.worker_down)
        within = within_names(names.announcements, known)
        fleet = Fleet(workers=known, targets=before, retired=names.retired)
        bounded = self._budgets.bound(within.announcements, fleet, clock.monotonic())
        heard = {name: one.announcement for name, one in bounded.items()}
        changed = {name: announced_worker(one, now) for name, one in heard.items()}
        unheard = (one for name, one in known.items() if name not in heard)
        # While this process was not there nobody could be heard.
        changed |= silent_workers(unheard, self._silence_s, self._timing.worker_down)
        if not changed:
            return Recorded(
                crowded=names.left_out,
                names=within,
                workers=_sites_of(known),
                holders=holders_of(known),
            )
        after = {**known, **changed}
        for name in names.retired:  # its installation has the plain name now
            del after[name], changed[name], known[name]
        ledger.fleet.drop_workers(names.retired)
        ledger.fleet.put_workers(changed.values())
        move_new_watermarks(ledger, known.values(), changed.values(), now)
        down = dict.fromkeys(changed, "down") | {name: one.state for name, one in known.items()}
        moved = [worker for name, worker in changed.items() if worker.state != down[name]]
        ledger.outbox.add(event_messages.of_worker(worker_event(one, now)) for one in moved)
        presence = Presence(
            live={(one.site, name) for name, one in after.items() if one.state == "up"},
            is_released=lambda member: (
                self._listened.silence_s(member) > self._timing.release_after.total_seconds()
            ),
        )
        changes = announced_targets(before, heard.values(), presence, now)
        apply_changes(ledger, changes, now)
        relabelled = [
            row.target
            for row in changes.targets
            if row.target in before and before[row.target].labels != row.labels
        ]
        # After the targets are stored: suppressions are looked up by the labels of now.
        suppressions.apply_to_relabelled(ledger, relabelled, now)
        rows = before | {row.target: row for row in changes.targets}
        claims = (sentence for row in rows.values() for sentence in claim_sentences(row))
        return Recorded(
            changed=bool(changes.targets or moved),
            bounded=bounded,
            claims=tuple(sorted(claims)) if found else None,
            away=tuple(name for name, one in changed.items() if one.state != "up"),
            doubled=installations.sentences(after.values()),
            crowded=names.left_out,
            names=within,
            workers=_sites_of(after),
            holders=holders_of(after),
            shared=newly_shared(before, changes.targets),
        )

    def _silence_s(self, worker: str) -> float:
        """Seconds since the worker of this name was heard, or since this process listens."""
        return clock.monotonic() - self._heard.get(worker, self._since)


def _sites_of(workers: Mapping[str, WorkerRecord]) -> dict[str, str]:
    return {name: one.site for name, one in workers.items()}
