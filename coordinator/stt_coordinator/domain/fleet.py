"""Workers as their announcements describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import WorkerRecord
from stt_shared.protocol.enums import WorkerState
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
