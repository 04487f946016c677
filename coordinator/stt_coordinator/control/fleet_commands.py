"""The verbs that change whom targets belong to: move and forget targets, forget workers."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.target_life import TargetChanges, moved_by_operator, target_event
from stt_coordinator.ledger import targets as ledger_targets
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.control import (
    FleetReply,
    TargetForgetRequest,
    TargetMoveRequest,
    WorkerForgetRequest,
)
from stt_shared.protocol.enums import TargetPhase

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
    """
    now, by, reason = clock.now(), request.by[:MAX_TEXT], request.reason[:MAX_TEXT]

    def forget(ledger: Ledger) -> tuple[str, ...]:
        rows = _known(ledger, request.targets)
        up = {(one.site, one.worker) for one in ledger.fleet.workers() if one.state == "up"}
        for row in rows:
            serving = [worker for worker in row.workers if (row.site, worker) in up]
            if serving:
                what = f"worker {serving[0]} of site {row.site} announces target {row.target}"
                raise request_error(ErrorCode.IN_USE, f"{what}: remove it from its file first")
        ledger_targets.forget_targets(ledger, rows, now, by=by, reason=reason)
        return tuple(row.target for row in rows)

    return _reply(context, await context.store.transact(forget))


async def forget_worker(context: HandlerContext, request: WorkerForgetRequest) -> FleetReply:
    """Forget a worker that is down; one that announces itself later is a new one.

    Raises RequestError: `unknown_worker`, or `in_use` if it is up.
    """
    now, by, reason = clock.now(), request.by[:MAX_TEXT], request.reason[:MAX_TEXT]

    def forget(ledger: Ledger) -> tuple[str, ...]:
        known = {one.worker: one for one in ledger.fleet.workers()}
        worker = known.get(request.worker)
        if worker is None:
            what = f"unknown worker {request.worker!r:.100}"
            raise request_error(ErrorCode.UNKNOWN_WORKER, what)
        if worker.state == "up":
            what = f"worker {worker.worker} of site {worker.site} is up"
            raise request_error(ErrorCode.IN_USE, f"{what}: stop it first")
        # Before and after in one transaction: what is gone between the two is the answer.
        before = {row.target for row in ledger.fleet.all_targets() if row.gone}
        ledger_targets.forget_worker(ledger, worker, now, by=by, reason=reason)
        after = {row.target for row in ledger.fleet.all_targets() if row.gone}
        return tuple(sorted(after - before))

    reply = _reply(context, await context.store.transact(forget))
    return FleetReply(targets=reply.targets, changed=True)


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
    context.wakeups.store_changed()
    context.wakeups.schedule.set()
    return FleetReply(targets=names, changed=bool(names))
