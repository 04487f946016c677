"""What announcements make of workers and targets, and which names two sites claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_shared.protocol.messages import AnnouncedTarget, Announcement

Claim = tuple[str, str]  # target, worker


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChanges:
    """The targets that differ now, and claims by target and worker: a sentence, or empty: none."""

    targets: list[TargetRecord]
    claims: dict[Claim, str]


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


def announced_targets(
    before: Mapping[str, TargetRecord],
    announcements: Iterable[Announcement],
    live: set[str],
    now: datetime,
) -> TargetChanges:
    """What `announcements` change in the targets `before`; `live` are the workers that are up.

    A target's name is unique: of two live workers that serve different ones of that name the later
    is left out.
    """
    known, claims = dict(before), dict[Claim, str]()
    for announcement in announcements:
        worker, site = announcement.worker, announcement.site
        for announced in announcement.targets:
            row = known.get(announced.target)
            if row is not None:
                claim = claim_of(row, announcement, announced, live)
                claims[row.target, worker] = claim
                if claim:
                    continue
            known[announced.target] = served_target(row, announced, site, worker, now)
        mine = {target.target for target in announcement.targets}
        for name, row in known.items():
            if worker in row.workers and name not in mine:
                others = tuple(one for one in row.workers if one != worker)
                # A worker that is down serves it again when it is back, but nobody does now.
                is_gone = not live.intersection(others)
                known[name] = msgspec.structs.replace(row, workers=others, gone=is_gone)
    changed = [row for name, row in known.items() if before.get(name) != row]
    return TargetChanges(targets=changed, claims=claims)


def claim_of(
    row: TargetRecord, announcement: Announcement, announced: AnnouncedTarget, live: set[str]
) -> str:
    """Why the announced target is left out: a live worker serves another one of that name."""
    if (row.site, row.family) == (announcement.site, announced.family) or row.gone:
        return ""
    if not live.intersection(row.workers) - {announcement.worker}:
        return ""
    return (
        f"target {row.target} of worker {announcement.worker} is left out: {row.family} at site "
        f"{row.site} has that name already"
    )


def served_target(
    row: TargetRecord | None, announced: AnnouncedTarget, site: str, worker: str, now: datetime
) -> TargetRecord:
    """The target as `worker` serves it; a new one where site or type are others than before."""
    if row is None or (row.family, row.site) != (announced.family, site):
        return TargetRecord(
            target=announced.target,
            family=announced.family,
            site=site,
            first_seen=now,
            labels=announced.labels,
            workers=(worker,),
        )
    workers = tuple(sorted({*row.workers, worker}))
    return msgspec.structs.replace(row, labels=announced.labels, workers=workers, gone=False)
