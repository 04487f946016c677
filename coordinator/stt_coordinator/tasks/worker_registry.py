"""Keep the registry of workers and targets: hear announcements and record them in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import msgspec

from stt_coordinator.domain.fleet import Claim, announced_targets, announced_worker
from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger import event_messages, suppressions
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.troubles import RETRYABLE
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family, WorkerState
from stt_shared.protocol.messages import Announcement
from stt_shared.protocol.reading import ANNOUNCEMENT, read_message
from stt_shared.protocol.records import WorkerEvent
from stt_shared.telemetry.logs import logger

MAX_CLAIMS_NAMED = 5
_LOG = logger("registry")


class WorkerRegistry:
    """Two tasks: `listen` keeps the latest announcement of each worker, `record` stores them."""

    def __init__(self, *, bus: Bus, store: Store, wakeups: Wakeups, timing: Timing) -> None:
        self._bus = bus
        self._store = store
        self._wakeups = wakeups
        self._timing = timing
        self._waiting: dict[str, Announcement] = {}
        self._consumers: set[tuple[str, Family]] = set()
        self._claims: dict[Claim, str] = {}
        # Silence is measured by the monotonic clock: a wall clock that jumps silences nobody.
        self._since = clock.monotonic()
        self._heard: dict[str, float] = {}  # when, by worker
        self.skews: dict[str, float] = {}  # seconds that a worker's clock is behind ours

    @property
    def degraded(self) -> tuple[str, ...]:
        """The first MAX_CLAIMS_NAMED targets that two sites claim, each a sentence."""
        return tuple(sorted(filter(None, self._claims.values())))[:MAX_CLAIMS_NAMED]

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
        """Keep an announcement until `record`; a rejected one is logged and dropped."""
        try:
            announcement = read_announcement(message)
        except ProtocolError as error:
            code, subject = error.code, message.subject
            _LOG.warning("announcement_rejected", code=code, reason=error.message, subject=subject)
        else:
            self._waiting[announcement.worker] = announcement
            self._heard[announcement.worker] = clock.monotonic()
            self.skews[announcement.worker] = (clock.now() - announcement.at).total_seconds()

    async def record(self) -> None:
        """Record what was heard since the last call, and who has been silent too long.

        Raises UnreachableError and StoreError; what was heard is kept for the next call then.
        """
        heard, self._waiting = self._waiting, {}
        now = clock.now()
        try:
            changed = await self._store.transact(lambda ledger: self._record(ledger, heard, now))
            served = {(one.site, target.family) for one in heard.values() for target in one.targets}
            missing = served - self._consumers
            if missing:
                specs = [subjects.jobs_consumer(site, family) for site, family in sorted(missing)]
                await self._bus.ensure((), specs)
                self._consumers |= missing
        except RETRYABLE:
            # What came meanwhile is newer; only what nobody repeated is put back.
            self._waiting = heard | self._waiting
            raise
        if changed:
            self._wakeups.store_changed()
            self._wakeups.schedule.set()

    def forget_consumers(self) -> None:
        """Ensure them again with the next announcement: the broker may have lost them."""
        self._consumers.clear()

    def _record(self, ledger: Ledger, heard: Mapping[str, Announcement], now: datetime) -> bool:
        """Record workers and targets in one transaction; whether a state or a target changed."""
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        changed = {name: announced_worker(one, now) for name, one in heard.items()}
        for name, worker in known.items():
            # While this process was not there nobody could be heard.
            silence_s = clock.monotonic() - self._heard.get(name, self._since)
            is_silent = silence_s > self._timing.worker_down.total_seconds()
            if name not in heard and worker.state == "up" and is_silent:
                changed[name] = msgspec.structs.replace(worker, state="down")
        if not changed:
            return False
        ledger.fleet.put_workers(changed.values())
        down = dict.fromkeys(changed, "down") | {name: one.state for name, one in known.items()}
        moved = [worker for name, worker in changed.items() if worker.state != down[name]]
        ledger.outbox.add(event_messages.of_worker(worker_event(one, now)) for one in moved)
        live = {name for name, one in {**known, **changed}.items() if one.state == "up"}
        before = {row.target: row for row in ledger.fleet.all_targets()}
        changes = announced_targets(before, heard.values(), live, now)
        self._claims |= changes.claims
        ledger.fleet.put_targets(changes.targets)
        relabelled = [
            row.target
            for row in changes.targets
            if row.target in before and before[row.target].labels != row.labels
        ]
        # After the targets are stored: suppressions are looked up by the labels of now.
        suppressions.apply_to_relabelled(ledger, relabelled, now)
        return bool(changes.targets or moved)


def read_announcement(message: LiveMessage) -> Announcement:
    """The announcement in `message`; raises ProtocolError, with `wrong_subject` for a bad name."""
    announcement = read_message(ANNOUNCEMENT, message.subject, message.data)
    for target in announcement.targets:
        if not is_token(target.target):
            what = f"worker {announcement.worker} announced target {target.target!r:.80}"
            raise ProtocolError("wrong_subject", f"{what}, which is not {TOKEN_RULE}")
    return announcement


def worker_event(worker: WorkerRecord, now: datetime) -> WorkerEvent:
    """The event of a worker that came or went, with the reason."""
    silence = (now - worker.last_heard).total_seconds()
    reason = f"not heard for {silence:.0f} s" if silence else "said that it leaves"
    return WorkerEvent(
        worker=worker.worker,
        site=worker.site,
        state=WorkerState(worker.state),
        at=now,
        reason="announced itself" if worker.state == "up" else reason,
    )
