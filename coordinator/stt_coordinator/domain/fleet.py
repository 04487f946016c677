"""Workers as their announcements describe them, and which of them can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.intake.installations import MARK, plain_name
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_shared.protocol.enums import Leftovers, WorkerState
from stt_shared.protocol.messages import Announcement, HeldPack
from stt_shared.protocol.records import WorkerEvent

# Of each text of a worker. A status holds all workers in one message: with a version of 800 KB, two
# of them would leave no status at all.
MAX_TEXT = 300  # characters
MAX_PACKS = 16


def announced_worker(announcement: Announcement, now: datetime) -> WorkerRecord:
    """The worker as it announced itself."""
    return WorkerRecord(
        worker=announcement.worker,
        site=announcement.site,
        state="down" if announcement.leaving else "up",
        version=announcement.version[:MAX_TEXT],
        started=announcement.started,
        last_heard=now,
        targets=len(announcement.targets),
        pack=announcement.pack[:MAX_TEXT],
        running=announcement.running,
        concurrency=announcement.concurrency,
        outbox=announcement.outbox,
        packs=tuple(map(_short, announcement.packs[:MAX_PACKS])),
        refused_pack=announcement.refused_pack[:MAX_TEXT],
        allow_unsigned=announcement.allow_unsigned,
        epoch=announcement.epoch,
    )


def worker_event(worker: WorkerRecord, now: datetime) -> WorkerEvent:
    """The event of a worker that is up or down, with the reason."""
    silence = (now - worker.last_heard).total_seconds()
    reason = f"not heard for {silence:.0f} s" if silence else "announced its end"
    return WorkerEvent(
        worker=worker.worker,
        site=worker.site,
        state=WorkerState(worker.state),
        at=now,
        reason="announced itself" if worker.state == "up" else reason,
    )


def _short(pack: HeldPack) -> HeldPack:
    texts = {name: getattr(pack, name)[:MAX_TEXT] for name in ("digest", "name", "key")}
    return msgspec.structs.replace(pack, **texts)


def silent_workers(
    unheard: Iterable[WorkerRecord], silence_s: Callable[[str], float], longest: timedelta
) -> dict[str, WorkerRecord]:
    """Those that are down from now on, by name."""
    return {
        one.worker: msgspec.structs.replace(one, state="down")
        for one in unheard
        if one.state == "up" and silence_s(one.worker) > longest.total_seconds()
    }


def workers_left(
    workers: Iterable[WorkerRecord],
    outboxes: Collection[tuple[str, str]],
    which: Leftovers,
    sites: Collection[str],
) -> list[WorkerRecord]:
    """The workers that are down; `outboxes` (worker, epoch) are those that results came from.

    A worker without its disk begins another outbox: it answered if any of its name did.
    """
    down = [one for one in workers if one.state != "up" and (not sites or one.site in sites)]
    if which is Leftovers.ALL:
        return down
    names = {name for name, _ in outboxes}
    return [
        one
        for one in down
        if (
            (plain_name(one.worker), one.epoch) not in outboxes
            if MARK in one.worker
            else one.worker not in names
        )
    ]


def targets_left(
    rows: Iterable[TargetRecord],
    workers: Iterable[WorkerRecord],
    which: Leftovers,
    sites: Collection[str],
) -> list[TargetRecord]:
    """The targets that are gone."""
    up = {(one.site, one.worker) for one in workers if one.state == "up"}
    return [
        row
        for row in rows
        if row.gone
        and (not sites or row.site in sites)
        and (which is Leftovers.ALL or row.last_started is None)
        and not any((row.site, worker) in up for worker in row.workers)
    ]
