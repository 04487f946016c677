"""The verb `status`: the numbers, the runs, the workers, and what is wrong with STT itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain.coverage import GONE
from stt_coordinator.domain.intake.admission import (
    NO_NONCE,
    NOT_ANNOUNCED,
    REPLAYED,
    WRONG_NONCE,
)
from stt_coordinator.domain.intake.installations import MARK, plain_name
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.summary import summary
from stt_coordinator.domain.time import schedule
from stt_coordinator.store.port import Ledger, StoreError
from stt_shared import clock
from stt_shared.protocol.control import (
    Empty,
    StatusReply,
    UncheckedTarget,
    WorkerInfo,
)
from stt_shared.protocol.enums import Interval, Kind
from stt_shared.report import readable

STORE_S = 4.0  # for all reads: less than the client waits, who must learn of a store that hangs
MAX_UNCHECKED = 20
MAX_WORKERS = 1_000
MAX_NAMED = 5
MAX_REASON = 200  # characters
DAY = timedelta(hours=24)
MAX_AHEAD = timedelta(minutes=5)  # of a stored instant; beyond it a clock was ahead
NOT_OF_ITS_SENDER = {WRONG_NONCE, NOT_ANNOUNCED}
FOREIGN = ": results of jobs that their sender was not given, its credential may be stolen"
SENT_AGAIN = (
    ": results that were recorded before were sent again as new ones, the credential of their"
    " sender may be stolen"
)
WITHOUT_NONCE = (
    ": results without a nonce, as workers of an older release send them; the credential of any"
    " other sender may be stolen"
)


async def read_status(context: HandlerContext, _request: Empty) -> StatusReply:
    """On or off, counts, last and next run, workers, and what is wrong with STT itself.

    Raises StoreError, also if the store does not answer in time.
    """
    try:
        async with asyncio.timeout(STORE_S):
            return await _read_status(context)
    except TimeoutError as error:
        raise StoreError(f"the store has not answered for {STORE_S:g} s") from error


async def _read_status(context: HandlerContext) -> StatusReply:
    now = clock.now()
    store = await context.store.health(whole=False)
    slots = {str(name): schedule.next_slot(name, now) for name in Interval}

    def read(ledger: Ledger) -> StatusReply:
        state = context.control_state.newest(ledger)
        tallies = ledger.counts.tallies()
        missing = bool(tallies.never_run())
        workers = ledger.fleet.workers()
        future = ledger.retention.ahead_of(now + MAX_AHEAD)
        return StatusReply(
            state=state,
            summary=summary(tallies, state, ledger.runs.last(), now),
            workers=tuple(map(worker_info, workers[:MAX_WORKERS])),
            families=tallies.families(),
            unchecked=tuple(islice(not_checked(ledger, never_run=missing), MAX_UNCHECKED)),
            next_slots=slots if state.enabled else {},
            yesterday=ledger.counts.before(now - DAY),
            degraded=(
                *filter(None, [store.risk]),
                *context.degraded(),
                *problems_of_fleet(context, ledger, workers, now),
                *future_rows(future),
            ),
            pack=context.pack,
            coordinator=context.leader(),
            store=store,
            notice=unsigned(context, workers),
            next_end=ledger.suppressions.next_end(),
            parts_not_checked=tuple(ledger.outcomes.parts_not_checked((), MAX_UNCHECKED)),
            clock=context.clock.why_held if context.clock is not None else "",
            future=future,
        )

    return await context.store.read(read)


def not_checked(ledger: Ledger, *, never_run: bool) -> Iterator[UncheckedTarget]:
    """Targets with checks that have no verdict: those of the last run, never run ones, gone ones.

    `never_run`: whether there are checks that never ran; looking for them takes long.
    """
    yield from map(unchecked_target, ledger.fleet.unchecked(MAX_UNCHECKED))
    for target, number in ledger.outcomes.never_run(MAX_UNCHECKED) if never_run else ():
        reason = f"{readable.number(number, 'check')} never run"
        yield UncheckedTarget(target=target, kind=Kind.NOT_RUN, reason=reason)
    for row in ledger.fleet.gone(MAX_UNCHECKED):
        last = row.last_checked
        yield UncheckedTarget(target=row.target, kind=Kind.GONE, reason=GONE, last_checked=last)


def problems_of_fleet(
    context: HandlerContext, ledger: Ledger, workers: Sequence[WorkerRecord], now: datetime
) -> Iterator[str]:
    """Rejected messages, workers of an older release or with other checks, refused packs."""
    rejected = ledger.results.count_rejected(rejected_since(context, now))
    if rejected:
        named = ", ".join(f"{number} {code}" for code, number in rejected.items())
        yield f"rejected messages of the last 24 h: {named}{meaning(rejected)}"
    up = [worker for worker in workers if worker.state == "up"]
    if older := [one for one in up if not one.epoch]:
        named = readable.first_names(
            [f"{one.worker} (site {one.site}, version {one.version})" for one in older]
        )
        yield (
            f"workers of an older release send no nonce, their results {context.nonce_rule()}:"
            f" {named}; upgrade them"
        )
    if pack := context.built_in:  # otherwise workers get the checks with their jobs
        others = [worker.worker for worker in up if worker.pack not in ("", pack)]
        if others:
            named = readable.first_names(others)
            yield f"workers with other checks than the coordinator: {named}"
    refusing = [worker for worker in up if worker.refused_pack]
    yield from (f"worker {one.worker}: {one.refused_pack}" for one in refusing[:MAX_NAMED])


def meaning(rejected: Mapping[str, int]) -> str:
    """What the codes of rejected messages say of their senders; the worst, or nothing."""
    if NOT_OF_ITS_SENDER & rejected.keys():
        return FOREIGN
    if REPLAYED in rejected:
        return SENT_AGAIN
    return WITHOUT_NONCE if NO_NONCE in rejected else ""


def rejected_since(context: HandlerContext, now: datetime) -> datetime | None:
    """From when on rejected messages are a problem of now; None: of all that are kept.

    While clocks disagree all of them are: a clock that is ahead must not hide any.
    """
    is_held = context.clock is not None and bool(context.clock.why_held)
    return None if is_held else now - DAY


def future_rows(future: Mapping[str, int]) -> Iterator[str]:
    """That rows have instants in the future, as a sentence; nothing if none has."""
    if future:
        named = ", ".join(f"{number} {kind}" for kind, number in future.items())
        yield f"stored instants lie in the future, a clock was ahead: {named}"


def worker_info(row: WorkerRecord) -> WorkerInfo:
    """A worker as the status shows it."""
    return WorkerInfo(
        worker=row.worker,
        site=row.site,
        state=row.state,
        version=row.version,
        last_heard=row.last_heard,
        targets=row.targets,
        running=row.running,
        concurrency=row.concurrency,
        outbox=row.outbox,
        double_of=plain_name(row.worker) if MARK in row.worker else "",
        sends_nonce=bool(row.epoch),  # both came with one release
    )


def unchecked_target(row: TargetRecord) -> UncheckedTarget:
    """A target of which its last run learned nothing, and why."""
    return UncheckedTarget(
        target=row.target,
        kind=row.kind or Kind.NO_WORKER,
        reason=row.reason[:MAX_REASON],
        last_checked=row.last_checked,
    )
