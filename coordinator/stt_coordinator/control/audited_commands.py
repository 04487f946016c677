"""Run commands in the name of an actor, and record each change with who, how and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from stt_coordinator.control import control_commands, fleet_commands
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.replay import replay_events
from stt_coordinator.control.suppressions import commands
from stt_coordinator.control.suppressions.imports import import_suppressions
from stt_coordinator.store.port import StoreError
from stt_shared import clock
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    Verb,
)
from stt_shared.protocol.enums import Role, Way
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.fleet import (
    FleetReply,
    TargetMoveRequest,
    WorkerForgetRequest,
)
from stt_shared.protocol.queries.history import EventsReplayRequest
from stt_shared.protocol.suppressions import ImportReply, SuppressionReply
from stt_shared.report import readable
from stt_shared.report.views.suppressions import scope
from stt_shared.telemetry.logs import bound, logger

MAX_TEXT = 500  # characters of each text of an entry
WRITTEN = ("added", "updated")  # what an import did to a suppression
_LOG = logger("audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The user of a request and its way; without a log-in `name` is empty and `role` is None."""

    name: str
    way: Way
    role: Role | None = None

    def name_or(self, claimed: str) -> str:
        """The name that is recorded: that of the log-in, else the one that the request claims."""
        return self.name or claimed


class AuditedRequest(Protocol):
    """A request with the name of its sender."""

    @property
    def by(self) -> str:
        """The name."""
        ...


Q = TypeVar("Q", bound=AuditedRequest)
R = TypeVar("R", bound=Value)
AUDITED: dict[Callable[[HandlerContext, Any], Awaitable[Value]], Verb] = {
    control_commands.enable: Verb.ENABLE,
    control_commands.disable: Verb.DISABLE,
    control_commands.run: Verb.RUN,
    control_commands.enable_check: Verb.CHECK_ENABLE,
    control_commands.disable_check: Verb.CHECK_DISABLE,
    commands.accept: Verb.ACCEPT,
    commands.revoke: Verb.UNACCEPT,
    commands.set_severity: Verb.SEVERITY_SET,
    commands.reset_severity: Verb.SEVERITY_RESET,
    import_suppressions: Verb.EXCEPTIONS_IMPORT,
    replay_events: Verb.EVENTS_REPLAY,
    fleet_commands.move_targets: Verb.TARGET_MOVE,
    fleet_commands.forget_targets: Verb.TARGET_FORGET,
    fleet_commands.forget_workers: Verb.WORKER_FORGET,
}


async def run_audited(
    context: HandlerContext,
    actor: Actor,
    command: Callable[[HandlerContext, Q], Awaitable[R]],
    request: Q,
) -> R:
    """Run `command` in the name of `actor`, and record it if it changed something.

    Raises what the command raises, and records nothing then.
    """
    given: Any = request  # a struct: a protocol of fields cannot express it
    named: Any = msgspec.structs.replace(given, by=actor.name_or(request.by))
    with bound(verb=str(AUDITED[command]), way=str(actor.way), by=named.by[:MAX_TEXT]):
        reply = await command(context, named)
        # Of the reply, not of the request: a command that found nothing to change leaves no entry.
        if isinstance(reply, ImportReply):
            changed = not named.dry_run and any(one.what in WRITTEN for one in reply.exceptions)
        else:
            changed = bool(getattr(reply, "changed", True))
        if changed:
            entry = AuditEntry(
                at=clock.now(),
                by=named.by[:MAX_TEXT],
                way=actor.way,
                role=actor.role,
                did=str(AUDITED[command]),
                what=_object_of(named, reply)[:MAX_TEXT],
                reason=getattr(named, "reason", "")[:MAX_TEXT],
            )
            await _record(context, entry)
    return reply


def _object_of(request: Any, reply: Value) -> str:
    """What was changed: a run with what it is of, suppressions, a check, targets, or a worker."""
    if isinstance(reply, FleetReply):
        return _fleet_object(request, reply)
    if isinstance(request, RunRequest) and isinstance(reply, RunReply):
        parts = (*request.targets, *request.sites, *request.families, *request.checks)
        of = f" of {readable.first_names(parts)}" if parts else ""
        return f"{reply.run.run_id}{of}"
    if isinstance(reply, SuppressionReply):
        return f"{reply.exception.id}: {scope(reply.exception)}"
    if isinstance(reply, ImportReply):
        return ", ".join(one.id for one in reply.exceptions if one.what in WRITTEN)
    if isinstance(request, EventsReplayRequest):
        return f"events since {clock.to_text(request.since)}"
    return request.check if isinstance(request, CheckSwitchRequest) else ""


def _fleet_object(request: Any, reply: FleetReply) -> str:
    targets = readable.first_names(reply.targets, total=reply.target_count)
    if isinstance(request, WorkerForgetRequest):
        workers = readable.first_names(reply.workers)
        return f"{workers}, of {targets}" if targets else workers
    return f"{targets} to {request.site}" if isinstance(request, TargetMoveRequest) else targets


async def _record(context: HandlerContext, entry: AuditEntry) -> None:
    fields = {name: str(value) for name, value in msgspec.structs.asdict(entry).items() if value}
    # Before the store: the change stands even if its entry cannot be written, and the log has it.
    _LOG.info("change_made", **fields)
    try:
        await context.store.transact(lambda ledger: ledger.audit.add([entry]))
    except StoreError as error:
        _LOG.error("audit_failed", reason=error.message)
