"""Who is here and what they serve: announcements become workers and targets in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import TargetRow, WorkerRow
from stt_coordinator.domain.timing import Timing
from stt_coordinator.ledger import event_messages, suppressions
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks.troubles import RETRYABLE
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import LiveMessage, Outgoing
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family, WorkerState
from stt_shared.protocol.messages import AnnouncedTarget, Announcement
from stt_shared.protocol.reading import ANNOUNCEMENT, read_message
from stt_shared.protocol.records import WorkerEvent
from stt_shared.telemetry.logs import logger

MAX_CLAIMS_NAMED = 5
_LOG = logger("registry")


class WorkerRegistry:
    """Hears announcements, keeps the latest of each worker, writes them in batches."""

    def __init__(self, *, bus: Bus, store: Store, wakeups: Wakeups, timing: Timing) -> None:
        self._bus = bus
        self._store = store
        self._wakeups = wakeups
        self._timing = timing
        self._waiting: dict[str, Announcement] = {}
        self._consumers: set[tuple[str, Family]] = set()
        self._doubles: dict[str, str] = {}
        self._since = clock.now()
        self.skews: dict[str, float] = {}  # seconds that a worker's clock is behind ours

    @property
    def degraded(self) -> tuple[str, ...]:
        """Targets that two sites claim, in words."""
        return tuple(sorted(self._doubles.values()))[:MAX_CLAIMS_NAMED]

    async def listen(self) -> None:
        """Hear announcements, for ever."""
        while True:
            try:
                async with self._bus.listen(subjects.ANNOUNCEMENTS) as heard:
                    async for one in heard:
                        self._hear(one)
            except UnreachableError as error:
                _LOG.warning("announcements_missed", reason=error.message)
            await asyncio.sleep(self._timing.trouble_s)

    def _hear(self, heard: LiveMessage) -> None:
        try:
            said = _read(heard)
        except ProtocolError as error:
            _LOG.warning(
                "announcement_rejected",
                code=error.code,
                reason=error.message,
                subject=heard.subject,
            )
        else:
            self._waiting[said.worker] = said
            self.skews[said.worker] = (clock.now() - said.at).total_seconds()

    async def write(self) -> None:
        """Enter what was heard since the last time, and note who has been silent too long."""
        heard, self._waiting = self._waiting, {}
        now = clock.now()
        try:
            changed = await self._store.transact(lambda ledger: self._enter(ledger, heard, now))
            await self._ensure_consumers(heard.values())
        except RETRYABLE:
            # Said again by what came meanwhile; only what nobody repeated is put back.
            self._waiting = heard | self._waiting
            raise
        if changed:
            self._wakeups.store_changed()
            self._wakeups.schedule.set()

    async def _ensure_consumers(self, heard: Iterable[Announcement]) -> None:
        served = {(said.site, target.family) for said in heard for target in said.targets}
        wanted = served - self._consumers
        if wanted:
            specs = [subjects.jobs_consumer(site, family) for site, family in sorted(wanted)]
            await self._bus.ensure((), specs)
            self._consumers |= wanted

    def forget_consumers(self) -> None:
        """Make sure of them again with the next announcement: the broker may have lost them."""
        self._consumers.clear()

    def _enter(self, ledger: Ledger, heard: dict[str, Announcement], now: datetime) -> bool:
        known = {worker.worker: worker for worker in ledger.fleet.workers()}
        rows = {name: _worker(said, now) for name, said in heard.items()}
        silent = {
            name: msgspec.structs.replace(worker, state="down")
            for name, worker in known.items()
            if name not in rows and self._is_silent(worker, now)
        }
        changed = {**rows, **silent}
        if not changed:
            return False
        ledger.fleet.put_workers(changed.values())
        ledger.outbox.add(_comings_and_goings(known, changed, now))
        live = {n for n, worker in {**known, **changed}.items() if worker.state == "up"}
        targets = self._targets(ledger, heard, live, now)
        labels = {
            name: row.labels
            for name, row in ledger.fleet.targets(t.target for t in targets).items()
        }
        ledger.fleet.put_targets(targets)
        others = [t.target for t in targets if labels.get(t.target, t.labels) != t.labels]
        suppressions.apply_to_relabelled(ledger, others, now)
        moved = {name for name, row in changed.items() if _state(known.get(name)) != row.state}
        return bool(targets or moved)

    def _is_silent(self, worker: WorkerRow, now: datetime) -> bool:
        # While this process was not there nobody could be heard.
        heard = max(worker.last_heard, self._since)
        return worker.state == "up" and now - heard > self._timing.worker_down

    def _targets(
        self, ledger: Ledger, heard: dict[str, Announcement], live: set[str], now: datetime
    ) -> list[TargetRow]:
        known = {row.target: row for row in ledger.fleet.all_targets()}
        before = dict(known)
        for said in heard.values():
            for announced in said.targets:
                row = known.get(announced.target)
                if row is not None and self._is_claimed(row, said, announced.family, live):
                    continue
                known[announced.target] = _served(row, said, announced, now)
            mine = {target.target for target in said.targets}
            for name, row in known.items():
                if said.worker in row.workers and name not in mine:
                    known[name] = _dropped(row, said.worker, live)
        return [row for name, row in known.items() if before.get(name) != row]

    def _is_claimed(
        self, row: TargetRow, said: Announcement, family: Family, live: set[str]
    ) -> bool:
        """Whether a live worker serves a target of that name elsewhere: ids are unique."""
        if (row.site, row.family) == (said.site, family):
            self._doubles.pop(f"{row.target} {said.worker}", None)
            return False
        others = live.intersection(row.workers) - {said.worker}
        if row.gone or not others:
            return False
        self._doubles[f"{row.target} {said.worker}"] = (
            f"target {row.target} of worker {said.worker} is left out: {row.family} at site "
            f"{row.site} has that name already"
        )
        return True


def _read(heard: LiveMessage) -> Announcement:
    announcement = read_message(ANNOUNCEMENT, heard.subject, heard.data)
    for target in announcement.targets:
        if not is_token(target.target):
            what = f"worker {announcement.worker} announced target {target.target!r:.80}"
            raise ProtocolError("wrong_subject", f"{what}, which is not {TOKEN_RULE}")
    return announcement


def _worker(said: Announcement, now: datetime) -> WorkerRow:
    return WorkerRow(
        worker=said.worker,
        site=said.site,
        state="down" if said.leaving else "up",
        version=said.version,
        started=said.started,
        last_heard=now,
        targets=len(said.targets),
        pack=said.pack,
        running=said.running,
        concurrency=said.concurrency,
        outbox=said.outbox,
        packs=said.packs,
        refused_pack=said.refused_pack,
        allow_unsigned=said.allow_unsigned,
    )


def _state(worker: WorkerRow | None) -> str:
    return worker.state if worker is not None else "down"


def _comings_and_goings(
    known: dict[str, WorkerRow], changed: dict[str, WorkerRow], now: datetime
) -> list[Outgoing]:
    return [
        event_messages.of_worker(
            WorkerEvent(
                worker=name,
                site=row.site,
                state=WorkerState(row.state),
                at=now,
                reason=_reason(row, now),
            )
        )
        for name, row in changed.items()
        if _state(known.get(name)) != row.state
    ]


def _reason(row: WorkerRow, now: datetime) -> str:
    if row.state == "up":
        return "announced itself"
    silence = (now - row.last_heard).total_seconds()
    return f"not heard for {silence:.0f} s" if silence else "said that it leaves"


def _served(
    row: TargetRow | None, said: Announcement, announced: AnnouncedTarget, now: datetime
) -> TargetRow:
    if row is None or (row.family, row.site) != (announced.family, said.site):
        return TargetRow(
            target=announced.target,
            family=announced.family,
            site=said.site,
            first_seen=now,
            labels=announced.labels,
            workers=(said.worker,),
        )
    workers = tuple(sorted({*row.workers, said.worker}))
    return msgspec.structs.replace(row, labels=announced.labels, workers=workers, gone=False)


def _dropped(row: TargetRow, worker: str, live: set[str]) -> TargetRow:
    """A worker that is down still serves it when it comes back, but nobody does now."""
    workers = tuple(name for name in row.workers if name != worker)
    return msgspec.structs.replace(row, workers=workers, gone=not live.intersection(workers))
