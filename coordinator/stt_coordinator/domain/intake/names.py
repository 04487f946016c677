"""Ceilings on the names of workers and sites: whoever may send announcements can invent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stt_coordinator.domain.model import WorkerRecord
from stt_shared.protocol.messages import Announcement

# Each name costs rows, budgets and an entry in several tables of the coordinator; doubles count.
MAX_WORKERS = 5_000
# Each costs a consumer of NATS for each family that it serves, and a summary.
MAX_SITES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinNames:
    """Announcements by recorded name, and how many were left out by which ceiling."""

    announcements: dict[str, Announcement]
    above_workers: int = 0
    above_sites: int = 0


def within_names(
    heard: Mapping[str, Announcement], known: Mapping[str, WorkerRecord]
) -> WithinNames:
    """The announcements of known workers, and new names and sites while there is room for them.

    A name that is known always has its place: invented ones displace nobody.
    """
    workers, sites = set(known), {one.site for one in known.values()}
    kept: dict[str, Announcement] = {}
    above_workers = above_sites = 0
    for name, one in heard.items():
        if name not in workers and len(workers) >= MAX_WORKERS:
            above_workers += 1
        elif one.site not in sites and len(sites) >= MAX_SITES:
            above_sites += 1
        else:
            workers.add(name)
            sites.add(one.site)
            kept[name] = one
    return WithinNames(announcements=kept, above_workers=above_workers, above_sites=above_sites)


def sentences(found: WithinNames) -> tuple[str, ...]:
    """What the status says of each ceiling that was reached."""
    counts = (
        (found.above_workers, MAX_WORKERS, "workers"),
        (found.above_sites, MAX_SITES, "sites"),
    )
    return tuple(
        f"{most} {what} are known, the limit: {left_out} announcements of new {what} are left out,"
        " forget workers that are gone: stt workers forget --down"
        for left_out, most, what in counts
        if left_out
    )
