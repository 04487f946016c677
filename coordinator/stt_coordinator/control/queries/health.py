"""The verb `health`: the state of the coordinator itself, even if its store fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.queries.status import MAX_AHEAD, MAX_WORKERS, rejected_since
from stt_coordinator.store.port import Ledger, StoreError
from stt_shared import clock
from stt_shared.distribution import installed_version
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Empty
from stt_shared.protocol.queries.health import HealthPart, HealthReply

# The reply has to fit into one message, whatever workers announce.
MAX_SITES = 1_000
MAX_CONSUMERS = 2_000
STORE_S = 5.0  # for a read: the client waits, and a server may hang


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """From the store: rejected messages by code, consumers of jobs, targets without a worker."""

    workers: tuple[str, ...] = ()
    refused: dict[str, int] = field(default_factory=dict[str, int])
    consumers: tuple[str, ...] = ()
    unserved: dict[str, int] = field(default_factory=dict[str, int])
    future: dict[str, int] = field(default_factory=dict[str, int])


async def read_health(context: HandlerContext, _request: Empty) -> HealthReply:
    """The coordinator's own state; an error of the store is part of the reply, never raised."""
    parts = [HealthPart(name=p.name, is_well=p.is_well, seen=p.seen) for p in await context.ready()]
    fleet = Fleet()
    try:
        since = rejected_since(context, clock.now())
        async with asyncio.timeout(STORE_S):
            fleet = await context.store.read(lambda ledger: _read_fleet(ledger, since))
    except TimeoutError:
        parts.append(HealthPart(name="store", is_well=False, seen=f"no answer in {STORE_S:g} s"))
    except StoreError as error:
        parts.append(HealthPart(name="store", is_well=False, seen=error.message))
    library, store = context.library, await context.store.health()
    skews = context.skews()
    return HealthReply(
        now=clock.now(),
        version=installed_version(),
        store=store,
        parts=tuple(parts),
        troubles=tuple(one for one in context.degraded() if one not in library.troubles),
        pack_source=library.place,
        pack_troubles=library.troubles,
        checks=len(library.catalogue.checks),
        releases_as_of=library.catalogue.as_of,
        refused=fleet.refused,
        silent_after_s=context.silent_after.total_seconds(),
        consumers=(*filter(None, [context.results_consumer]), *fleet.consumers),
        coordinator=context.leader(),
        skews={worker: skews[worker] for worker in fleet.workers if worker in skews},
        clock=context.clock.why_held if context.clock is not None else None,
        offset_s=context.clock.offset_s if context.clock is not None else None,
        future=fleet.future,
        unserved=fleet.unserved,
    )


def _read_fleet(ledger: Ledger, since: datetime | None) -> Fleet:
    """The fleet as of now, with the messages that were rejected from `since` on."""
    workers = ledger.fleet.workers()
    up = {worker.site for worker in workers if worker.state == "up"}
    here = ledger.counts.tallies().targets
    away: Counter[str] = Counter()
    for row in here:
        if row.site not in up:
            away[row.site] += row.number
    served = {(row.site, row.family) for row in here}
    names = sorted(subjects.jobs_consumer(*one).name for one in served)
    return Fleet(
        workers=tuple(worker.worker for worker in workers[:MAX_WORKERS]),
        refused=ledger.results.count_rejected(since),
        consumers=tuple(names[:MAX_CONSUMERS]),
        unserved=dict(sorted(away.most_common(MAX_SITES))),
        future=ledger.retention.ahead_of(clock.now() + MAX_AHEAD),
    )
