"""The verbs that change whom targets belong to: move and forget targets, forget workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.domain.fleet import targets_left, workers_left
from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.target_life import TargetChanges, moved_by_operator, target_event
from stt_coordinator.ledger import targets as ledger_targets
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.enums import Leftovers, TargetPhase
from stt_shared.protocol.queries.fleet import (
    MAX_FORGOTTEN,
    MAX_LISTED,
    FleetReply,
    TargetForgetRequest,
    TargetMoveRequest,
    WorkerForgetRequest,
)

MAX_TEXT = 500  # characters of who and why


async def move_targets(context: HandlerContext, request: TargetMoveRequest) -> FleetReply:
    """Give targets to the workers of another site that announce them. Idempotent.

    Raises RequestError: `unknown_target`, or `not_announced` if no live worker of that site
    announces one of them; then none is moved.
    """
    now, by, reason = clock.now(), request.by[:MAX_TEXT], request.reason[:MAX_TEXT]

    def move(ledger: Ledger) -> tuple[str, ...]:
        rows = _known(ledger, request.targets)
        away = [row for row in rows if row.site != request.site]
        moved: list[TargetRecord] = []
        for row in away:
            there = moved_by_operator(row, request.site)
            if there is None:
                what = f"no live worker of site {request.site!r:.100} announces target {row.target}"
                hint = "add it to a worker there first"
                raise request_error(ErrorCode.NOT_ANNOUNCED, f"{what}: {hint}")
            moved.append(there)
        names = tuple(row.target for row in away)
        changes = TargetChanges(targets=moved, events=[], moved=names)
        ledger_targets.apply_changes(ledger, changes, now)
        parts = {"by": by, "reason": reason}
        ledger_targets.add_events(
            ledger,
            (
                target_event(TargetPhase.MOVED, new, now, other_site=old.site, **parts)
                for old, new in zip(away, moved, strict=True)
            ),
        )
        return names

    return _reply(context, await context.store.transact(move))


async def forget_targets(context: HandlerContext, request: TargetForgetRequest) -> FleetReply:
    """Forget targets that no live worker of their site announces.

    Raises RequestError: `unknown_target`, or `in_use` if one is announced; then none is forgotten.
    `bad_request` if it names targets and selects some as well, or neither.
    """
    now, by, reason = clock.now(), request.by[:MAX_TEXT], request.reason[:MAX_TEXT]
    _require_one_way(bool(request.targets), request.which, "targets")

    def forget(ledger: Ledger) -> FleetReply:
        more = 0
        if request.which is None:
            rows = _known(ledger, request.targets)
            _require_unserved(rows, ledger.fleet.workers())
        else:
            every, workers = ledger.fleet.all_targets(), ledger.fleet.workers()
            found = targets_left(every, workers, request.which, request.sites)
            rows = found[: _limit(request.limit)]
            more = len(found) - len(rows)
        if not request.dry_run:
            ledger_targets.forget_targets(ledger, rows, now, by=by, reason=reason)
        names = tuple(row.target for row in rows)
        changed = bool(rows) and not request.dry_run
        return FleetReply(targets=names, changed=changed, target_count=len(rows), more=more)

    return _woken(context, await _run(context, forget, dry_run=request.dry_run))


async def forget_workers(context: HandlerContext, request: WorkerForgetRequest) -> FleetReply:
    """Forget workers that are down; one that announces itself later is a new one.

    Raises RequestError: `unknown_worker`, or `in_use` if one is up; then none is forgotten.
    `bad_request` if it names workers and selects some as well, or neither.
    """
    now, by, reason = clock.now(), request.by[:MAX_TEXT], request.reason[:MAX_TEXT]
    names = sorted({*request.workers, *filter(None, [request.worker])})
    _require_one_way(bool(names), request.which, "workers")

    def forget(ledger: Ledger) -> FleetReply:
        every, more = ledger.fleet.workers(), 0
        if request.which is None:
            workers = _known_workers(every, names)
        else:
            outboxes = ledger.results.outboxes()
            found = workers_left(every, outboxes, request.which, request.sites)
            workers = found[: _limit(request.limit)]
            more = len(found) - len(workers)
        if request.dry_run:
            pairs = ledger_targets.newly_gone(ledger_targets.without(ledger, workers))
            gone = [new.target for _, new in pairs]
        else:
            gone = ledger_targets.forget_workers(ledger, workers, now, by=by, reason=reason)
        return FleetReply(
            targets=tuple(gone[:MAX_LISTED]),
            changed=bool(workers) and not request.dry_run,
            workers=tuple(one.worker for one in workers),
            target_count=len(gone),
            more=more,
        )

    reply = _woken(context, await _run(context, forget, dry_run=request.dry_run))
    if reply.changed:
        # The site of the last one needs no consumers any more.
        context.wakeups.streams.set()
    return reply


async def _run(
    context: HandlerContext, work: Callable[[Ledger], FleetReply], *, dry_run: bool
) -> FleetReply:
    """Do `work` in a transaction; a dry run only reads."""
    return await (context.store.read(work) if dry_run else context.store.transact(work))


def _limit(asked: int) -> int:
    """How many one request forgets: a transaction must not hold up results for long."""
    return max(min(asked, MAX_FORGOTTEN), 0)


def _require_one_way(is_named: bool, which: Leftovers | None, what: str) -> None:
    if is_named is (which is not None):
        sentence = f"the request has to name {what} or to select some with `which`, not both"
        raise request_error(ErrorCode.BAD_REQUEST, sentence)


def _require_unserved(rows: Iterable[TargetRecord], workers: Iterable[WorkerRecord]) -> None:
    """Raise RequestError `in_use` if a live worker announces one of `rows`."""
    up = {(one.site, one.worker) for one in workers if one.state == "up"}
    for row in rows:
        serving = [worker for worker in row.workers if (row.site, worker) in up]
        if serving:
            what = f"worker {serving[0]} of site {row.site} announces target {row.target}"
            raise request_error(ErrorCode.IN_USE, f"{what}: remove it from its file first")


def _known_workers(every: Iterable[WorkerRecord], names: Iterable[str]) -> list[WorkerRecord]:
    """The workers of these names; raises RequestError `unknown_worker`, or `in_use`."""
    known = {one.worker: one for one in every}
    for name in names:
        if name not in known:
            raise request_error(ErrorCode.UNKNOWN_WORKER, f"unknown worker {name!r:.100}")
        if known[name].state == "up":
            what = f"worker {name} of site {known[name].site} is up"
            raise request_error(ErrorCode.IN_USE, f"{what}: stop it first")
    return [known[name] for name in names]


def _known(ledger: Ledger, names: Iterable[str]) -> list[TargetRecord]:
    """The targets of these names, each once; raises RequestError `unknown_target`."""
    wanted = sorted(set(names))
    # Before they are read: an announcement in between would be overwritten.
    ledger.locks.targets(wanted)
    known = ledger.fleet.targets(wanted)
    for name in wanted:
        if name not in known:
            raise request_error(ErrorCode.UNKNOWN_TARGET, f"unknown target {name!r:.100}")
    return [known[name] for name in wanted]


def _reply(context: HandlerContext, names: tuple[str, ...]) -> FleetReply:
    return _woken(context, FleetReply(targets=names, changed=bool(names), target_count=len(names)))


def _woken(context: HandlerContext, reply: FleetReply) -> FleetReply:
    """The reply, after the tasks that follow the store were woken if it changed something."""
    if reply.changed:
        context.wakeups.store_changed()
        context.wakeups.schedule.set()
    return reply
