"""The verbs that change the control state and start runs: enable, disable, run, single checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.control.check_names import NOT_RECORDED, CheckNames
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.time import schedule
from stt_coordinator.ledger.runs import known_checks
from stt_coordinator.store.port import Ledger
from stt_coordinator.tasks.scheduler import PlannedRun
from stt_shared import clock
from stt_shared.identity import run_id
from stt_shared.protocol.control import (
    CheckInfo,
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    SwitchReply,
    SwitchRequest,
)
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import RunRecord

MAX_JOINED = 5_000  # targets named in a reply
MAX_TEXT = 500  # characters of who and why
SECOND = timedelta(seconds=1)
MAX_AHEAD = timedelta(minutes=1)  # of the last change; beyond it a clock was ahead


async def enable(context: HandlerContext, request: SwitchRequest) -> SwitchReply:
    """Enable checks; the first run follows in the background. Idempotent."""
    # Once, before the attempts: each of them has to write the same state.
    since = clock.now()

    def on(state: ControlState) -> ControlState:
        return state if state.enabled else _switched(state, request, since, enabled=True)

    changed = await context.control_state.change(on)
    # After the state is written: the scheduler reads it, and would sleep on with the old one.
    context.wakeups.schedule.set()
    context.wakeups.summary.set()
    state = context.control_state.state
    return SwitchReply(state=state, changed=changed, run_id=first_run_id(state))


def first_run_id(state: ControlState) -> str:
    """The id of the run that follows enabling; empty while disabled."""
    if not state.enabled or state.since is None:
        return ""
    return run_id(schedule.ENABLE, state.since.replace(microsecond=0))


async def disable(context: HandlerContext, request: SwitchRequest) -> SwitchReply:
    """Disable all checks; the scheduler ends the jobs that wait. Idempotent."""
    since = clock.now()

    def off(state: ControlState) -> ControlState:
        is_off = not state.enabled and state.since is not None
        return state if is_off else _switched(state, request, since, enabled=False)

    # Also over a state that a newer version wrote: who stops the checks must not be refused.
    changed = await context.control_state.change(off, replace_newer=True)
    context.wakeups.schedule.set()
    context.wakeups.summary.set()
    return SwitchReply(state=context.control_state.state, changed=changed)


def _switched(
    state: ControlState, request: SwitchRequest, since: datetime, *, enabled: bool
) -> ControlState:
    if state.since is not None and state.since - since < MAX_AHEAD:
        # The run that follows is named by its second: twice in one second would be one run.
        since = max(since, state.since.replace(microsecond=0) + SECOND)
    return msgspec.structs.replace(
        state,
        enabled=enabled,
        since=since,
        by=request.by[:MAX_TEXT],
        reason=request.reason[:MAX_TEXT],
    )


async def installed_checks(context: HandlerContext) -> tuple[CheckInfo, ...]:
    """The checks of the installation: those of the leader, whoever is asked.

    Raises RequestError `unavailable` if the leader has not recorded them yet.
    """
    if context.leads:
        return context.library.checks(context.control_state.state.disabled_checks)
    found = await context.store.read(
        lambda ledger: known_checks(ledger, context.control_state.newest(ledger))
    )
    if not found:
        raise request_error(ErrorCode.UNAVAILABLE, NOT_RECORDED)
    return found


async def disable_check(context: HandlerContext, request: CheckSwitchRequest) -> SwitchReply:
    """Switch one check off for all targets; raises RequestError `unknown_check`."""
    return await _switch_check(context, request, lambda off, name: off | {name})


async def enable_check(context: HandlerContext, request: CheckSwitchRequest) -> SwitchReply:
    """Switch one check on again; raises RequestError `unknown_check`."""
    return await _switch_check(context, request, lambda off, name: off - {name})


async def _switch_check(
    context: HandlerContext, request: CheckSwitchRequest, what: Callable[[set[str], str], set[str]]
) -> SwitchReply:
    name = _check_names(context, await installed_checks(context), (request.check,))[0]

    def switched(state: ControlState) -> ControlState:
        off = what(set(state.disabled_checks), name)
        return msgspec.structs.replace(state, disabled_checks=tuple(sorted(off)))

    changed = await context.control_state.change(switched)
    state = context.control_state.state

    def switch(ledger: Ledger) -> None:
        # By the newest state, read in this transaction: another coordinator may have switched
        # another check since ours was written.
        checks = known_checks(ledger, context.control_state.newest(ledger))
        ledger.fleet.replace_checks(checks, ledger.fleet.pack())

    await context.store.transact(switch)
    context.wakeups.summary.set()
    return SwitchReply(state=state, changed=changed)


async def run(context: HandlerContext, request: RunRequest) -> RunReply:
    """Start a run now; replies when the run and its jobs are in the store.

    Raises RequestError: `disabled`, `unknown_target`, `unknown_site`, `unknown_check`,
    `no_targets`, or `bad_request` for a check that is switched off.
    """
    # Read anew: another coordinator, or an operator by NATS, may have disabled checks meanwhile.
    state = await context.control_state.refresh()
    if not state.enabled:
        raise request_error(ErrorCode.DISABLED, "checks are disabled, no run was started")
    # Before the checks are chosen: whoever edits a folder of checks runs what is on the disk now.
    # Of the leader's alone: all others plan with the checks that it has recorded.
    if context.leads:
        await context.library.refresh_if_local()
    now = clock.now().replace(microsecond=0)

    every = await context.store.read(lambda ledger: ledger.fleet.all_targets())
    targets = select_targets(request, every)
    checks = await installed_checks(context)
    wanted = _check_names(context, checks, request.checks)
    off = [check.check for check in checks if check.check in wanted and not check.enabled]
    if off:
        raise request_error(ErrorCode.BAD_REQUEST, f"check {off[0]!r} is disabled")
    planned = PlannedRun(
        run=RunRecord(
            run_id=run_id(schedule.MANUAL, now),
            schedule=schedule.MANUAL,
            slot=now,
            state="running",
            requested_by=request.by[:MAX_TEXT],
        ),
        targets=targets,
        checks=frozenset(wanted) if wanted else None,
    )
    started, joined = await context.scheduler.start(planned)
    # The limit: a reply is one message, and all targets of a fleet may have joined.
    return RunReply(run=started, joined=joined[:MAX_JOINED])


def select_targets(request: RunRequest, targets: Iterable[TargetRecord]) -> list[TargetRecord]:
    """The present targets that the request names, or all.

    Raises RequestError `unknown_target`, `unknown_site`, or `no_targets` if none is left.
    """
    there = {target.target: target for target in targets if not target.gone}
    for name in request.targets:
        if name not in there:
            raise request_error(ErrorCode.UNKNOWN_TARGET, f"unknown target {name!r:.100}")
    sites = {target.site for target in there.values()}
    for name in request.sites:
        if name not in sites:
            raise request_error(ErrorCode.UNKNOWN_SITE, f"no target is at site {name!r:.100}")
    found = [
        target
        for target in there.values()
        if (not request.targets or target.target in request.targets)
        and (not request.sites or target.site in request.sites)
        and (not request.families or target.family in request.families)
    ]
    if not found:
        why = "no target matches all filters" if there else "no worker has announced a target"
        raise request_error(ErrorCode.NO_TARGETS, f"{why}, no run was started")
    return found


def _check_names(
    context: HandlerContext, known: Iterable[CheckInfo], names: tuple[str, ...]
) -> list[str]:
    """The names of the `known` checks that `names` mean; raises RequestError `unknown_check`."""
    there = CheckNames(context.library.catalogue, (check.check for check in known))
    for name in names:
        if not there.meant(name):
            raise request_error(ErrorCode.UNKNOWN_CHECK, there.unknown(name))
    return [there.meant(name) for name in names]
