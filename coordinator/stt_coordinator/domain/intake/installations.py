"""Names installations of workers: the later of two that run under one name is shown as a double."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_shared.protocol.messages import Announcement

MARK = "~"  # not part of a token: no worker can be called like a double
EPOCH_CHARACTERS = 8  # of an epoch in a name
MAX_DOUBLES = 4  # of one name; further ones are left out
# A double takes over the name although it does not announce all targets of a worker silent that
# long: that worker was replaced, not only restarted.
REPLACED_AFTER = 10  # times the silence after which a worker counts as down

Installation = tuple[str, str, str]  # site, worker, epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Announcements by the names under which they are recorded, and what is wrong with them."""

    announcements: dict[str, Announcement]
    retired: tuple[str, ...]  # doubles that have the plain name from now on
    left_out: tuple[str, ...]  # names with too many doubles


def installation_of(announcement: Announcement) -> Installation:
    """What distinguishes two workers of one name."""
    return announcement.site, announcement.worker, announcement.epoch


def holders_of(workers: Mapping[str, WorkerRecord]) -> frozenset[Installation]:
    """The installations that have the plain name of their worker."""
    return frozenset(
        (one.site, name, one.epoch) for name, one in workers.items() if MARK not in name
    )


def plain_name(worker: str) -> str:
    """The configured name of a worker, also of a double."""
    return worker.partition(MARK)[0]


def outboxes_of(workers: Iterable[WorkerRecord]) -> frozenset[tuple[str, str]]:
    """The outboxes that these workers announce, by worker and epoch."""
    return frozenset((plain_name(one.worker), one.epoch) for one in workers)


def double_name(announcement: Announcement) -> str:
    """The name of a second installation; one of a release without epochs is named by its site."""
    mark = announcement.epoch[:EPOCH_CHARACTERS] or announcement.site
    return f"{announcement.worker}{MARK}{mark}"


def named(
    heard: Iterable[Announcement],
    known: Mapping[str, WorkerRecord],
    targets: Mapping[str, TargetRecord],
    silence_s: Callable[[str], float],
    longest: timedelta,
) -> Named:
    """Each announcement under the plain name or, if another installation has it, under its own.

    `silence_s` tells how long a worker was silent, `longest` is when it is down. Then another
    installation that announces the same targets has its name, as after a restart without a disk.
    """
    holders = dict(known)
    # Counted once: a look through all names for each of 20,000 announcements takes 12 s.
    doubles = Counter(plain_name(name) for name in known if MARK in name)
    found: dict[str, Announcement] = {}
    retired: list[str] = []
    left_out: list[str] = []
    # The holder of a name first: its announcement in this batch proves that it is there.
    for one in sorted(heard, key=lambda one: not _is_same(holders.get(one.worker), one)):
        name, double = one.worker, double_name(one)
        holder = holders.get(name)
        is_there = name in found  # it announced itself in this batch
        if _is_same(holder, one) or (
            not is_there and _is_free(holder, one, targets, silence_s, longest)
        ):
            found[name] = one
            holders[name] = _holder(one)
            if double in known:
                # The targets that it served as a double are served under the plain name.
                gone = msgspec.structs.replace(one, worker=double, targets=(), leaving=True)
                found[double] = gone
                retired.append(double)
        elif double in holders or doubles[name] < MAX_DOUBLES:
            doubles[name] += double not in holders
            found[double] = msgspec.structs.replace(one, worker=double)
            holders[double] = _holder(one)
        else:
            left_out.append(name)
    # In this order, so that a target is taken over before the double leaves it.
    return Named(announcements=found, retired=tuple(retired), left_out=tuple(left_out))


def sentences(workers: Iterable[WorkerRecord]) -> tuple[str, ...]:
    """A sentence of the status for each name under which two workers are up."""
    up = {one.worker: one for one in workers if one.state == "up"}
    return tuple(
        f"worker {plain_name(name)} runs twice, at site {up[plain_name(name)].site} and, shown as "
        f"{name}, at site {one.site}: give each worker a name of its own"
        for name, one in sorted(up.items())
        if MARK in name and plain_name(name) in up
    )


def _holder(one: Announcement) -> WorkerRecord:
    return WorkerRecord(
        worker=one.worker,
        site=one.site,
        state="down" if one.leaving else "up",
        version=one.version,
        started=one.started,
        last_heard=one.at,
        targets=len(one.targets),
        epoch=one.epoch,
    )


def _is_same(holder: WorkerRecord | None, one: Announcement) -> bool:
    """Whether `one` is of the installation that has the name; the release before has no epoch."""
    if holder is None or holder.site != one.site:
        return False
    return holder.epoch == one.epoch or not holder.epoch or not one.epoch


def _is_free(
    holder: WorkerRecord | None,
    one: Announcement,
    targets: Mapping[str, TargetRecord],
    silence_s: Callable[[str], float],
    longest: timedelta,
) -> bool:
    if holder is None:
        return True
    quiet = timedelta(seconds=silence_s(one.worker))
    if holder.state == "up" and quiet <= longest:
        return False
    if one.leaving:
        return False
    announced = {target.target for target in one.targets}
    served = {name for name, row in targets.items() if one.worker in row.workers}
    return served <= announced or quiet > REPLACED_AFTER * longest
