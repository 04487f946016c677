"""The verb `status`: the numbers, the runs, the workers, and what is wrong with STT itself."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain import schedule
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.summary import summary
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.control import (
    Empty,
    StatusReply,
    UncheckedTarget,
    WorkerInfo,
)
from stt_shared.protocol.enums import Interval, Kind
from stt_shared.report import readable

MAX_UNCHECKED = 20
MAX_WORKERS = 1_000
MAX_NAMED = 5
MAX_REASON = 200  # characters
DAY = timedelta(hours=24)


async def read_status(context: HandlerContext, _request: Empty) -> StatusReply:
    """On or off, counts, last and next run, workers, and what is wrong with STT itself."""
    now, state = clock.now(), context.control_state.state
    slots = {str(name): schedule.next_slot(name, now) for name in Interval}

    def read(ledger: Ledger) -> StatusReply:
        tallies = ledger.counts.tallies()
        workers = ledger.fleet.workers()
        return StatusReply(
            state=state,
            summary=summary(tallies, state, ledger.runs.last(), now),
            workers=tuple(map(_worker_info, workers[:MAX_WORKERS])),
            families=tallies.families(),
            unchecked=tuple(map(unchecked_target, ledger.fleet.unchecked(MAX_UNCHECKED))),
            next_slots=slots if state.enabled else {},
            yesterday=ledger.counts.before(now - DAY),
            degraded=(
                *context.degraded(),
                *_rejected_messages(ledger),
                *_other_checks(context, workers),
                *_rejected_packs(workers),
            ),
            pack=context.library.status,
            notice=unsigned(context, workers),
            next_end=ledger.suppressions.next_end(),
            parts_not_checked=tuple(ledger.outcomes.parts_not_checked((), MAX_UNCHECKED)),
        )

    return await context.store.read(read)


def _rejected_messages(ledger: Ledger) -> tuple[str, ...]:
    tally = ledger.results.count_rejected()
    named = ", ".join(f"{number} {code}" for code, number in tally.items())
    return (f"messages that were refused: {named}",) if tally else ()


def _other_checks(context: HandlerContext, workers: list[WorkerRecord]) -> tuple[str, ...]:
    if context.library.pack:
        return ()  # workers get it with their jobs
    pack = context.library.catalogue.pack
    others = [w.worker for w in workers if w.state == "up" and w.pack not in ("", pack)]
    if not others:
        return ()
    return (f"workers that hold other checks than the coordinator: {readable.first_names(others)}",)


def _rejected_packs(workers: list[WorkerRecord]) -> tuple[str, ...]:
    return tuple(
        f"worker {worker.worker}: {worker.refused_pack}"
        for worker in workers
        if worker.state == "up" and worker.refused_pack
    )[:MAX_NAMED]


def _worker_info(row: WorkerRecord) -> WorkerInfo:
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
    )


def unchecked_target(row: TargetRecord) -> UncheckedTarget:
    """A target of which its last run learned nothing, and why."""
    return UncheckedTarget(
        target=row.target,
        kind=row.kind or Kind.NO_WORKER,
        reason=row.reason[:MAX_REASON],
        last_checked=row.last_checked,
    )
