"""What announcements make of workers."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.domain.model import WorkerRecord
from stt_shared.protocol.messages import Announcement


def announced_worker(announcement: Announcement, now: datetime) -> WorkerRecord:
    """The worker as it announced itself."""
    return WorkerRecord(
        worker=announcement.worker,
        site=announcement.site,
        state="down" if announcement.leaving else "up",
        version=announcement.version,
        started=announcement.started,
        last_heard=now,
        targets=len(announcement.targets),
        pack=announcement.pack,
        running=announcement.running,
        concurrency=announcement.concurrency,
        outbox=announcement.outbox,
        packs=announcement.packs,
        refused_pack=announcement.refused_pack,
        allow_unsigned=announcement.allow_unsigned,
        epoch=announcement.epoch,
    )
