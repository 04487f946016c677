"""The control service: decode a verb's request, run its handler, encode the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from stt_coordinator.control import control_commands, fleet_commands
from stt_coordinator.control.audited_commands import AUDITED, MAX_TEXT, Actor, run_audited
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.queries.audit import list_audit
from stt_coordinator.control.queries.changes import list_changes
from stt_coordinator.control.queries.checks import list_checks
from stt_coordinator.control.queries.diff import read_diff
from stt_coordinator.control.queries.findings import list_findings, read_finding
from stt_coordinator.control.queries.health import read_health
from stt_coordinator.control.queries.report import read_report
from stt_coordinator.control.queries.runs import list_runs
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.control.queries.suppressions import list_suppressions
from stt_coordinator.control.queries.targets import list_targets
from stt_coordinator.control.queries.trends import read_trends
from stt_coordinator.control.replay import replay_events
from stt_coordinator.control.suppressions import commands
from stt_coordinator.control.suppressions.imports import import_suppressions
from stt_coordinator.control.unavailable import UNAVAILABLE
from stt_coordinator.control.views.groups import finding_groups
from stt_coordinator.control.views.overview import overview
from stt_shared.bus.port import Handler
from stt_shared.bus.values import Request
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.audit import AuditRequest
from stt_shared.protocol.control import (
    WRITING,
    CheckSwitchRequest,
    Empty,
    RunRequest,
    SwitchRequest,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Way
from stt_shared.protocol.findings import ChangesRequest, FindingRequest, FindingsRequest
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.fleet import (
    TargetForgetRequest,
    TargetMoveRequest,
    WorkerForgetRequest,
)
from stt_shared.protocol.queries.history import DiffRequest, EventsReplayRequest, TrendsRequest
from stt_shared.protocol.queries.overview import FindingGroupsRequest
from stt_shared.protocol.queries.reports import ReportRequest, RunsRequest
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    ImportRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionsRequest,
    UnacceptRequest,
)
from stt_shared.telemetry.logs import bound

RequestHandler = Callable[
    [HandlerContext, Any], Awaitable[Value]
]  # Any: each takes its own request
VERBS: dict[Verb, tuple[type[Value], RequestHandler]] = {
    Verb.ENABLE: (SwitchRequest, control_commands.enable),
    Verb.DISABLE: (SwitchRequest, control_commands.disable),
    Verb.RUN: (RunRequest, control_commands.run),
    Verb.STATUS: (Empty, read_status),
    Verb.OVERVIEW: (Empty, overview),
    Verb.CHECKS: (Empty, list_checks),
    Verb.CHECK_DISABLE: (CheckSwitchRequest, control_commands.disable_check),
    Verb.CHECK_ENABLE: (CheckSwitchRequest, control_commands.enable_check),
    Verb.TARGETS: (TargetsRequest, list_targets),
    Verb.FINDINGS: (FindingsRequest, list_findings),
    Verb.FINDING_GROUPS: (FindingGroupsRequest, finding_groups),
    Verb.FINDING: (FindingRequest, read_finding),
    Verb.ACCEPT: (AcceptRequest, commands.accept),
    Verb.UNACCEPT: (UnacceptRequest, commands.revoke),
    Verb.SEVERITY_SET: (SeveritySetRequest, commands.set_severity),
    Verb.SEVERITY_RESET: (SeverityResetRequest, commands.reset_severity),
    Verb.EXCEPTIONS: (SuppressionsRequest, list_suppressions),
    Verb.EXCEPTIONS_IMPORT: (ImportRequest, import_suppressions),
    Verb.CHANGES: (ChangesRequest, list_changes),
    Verb.DIFF: (DiffRequest, read_diff),
    Verb.TRENDS: (TrendsRequest, read_trends),
    Verb.RUNS: (RunsRequest, list_runs),
    Verb.REPORT: (ReportRequest, read_report),
    Verb.AUDIT: (AuditRequest, list_audit),
    Verb.HEALTH: (Empty, read_health),
    Verb.EVENTS_REPLAY: (EventsReplayRequest, replay_events),
    Verb.TARGET_MOVE: (TargetMoveRequest, fleet_commands.move_targets),
    Verb.TARGET_FORGET: (TargetForgetRequest, fleet_commands.forget_targets),
    Verb.WORKER_FORGET: (WorkerForgetRequest, fleet_commands.forget_workers),
}


def handlers(context: HandlerContext) -> dict[str, Handler]:
    """One handler for the subject of each verb; each raises RequestError with an ErrorCode."""
    return {subjects.control(verb): partial(_answer, context, verb) for verb in VERBS}


async def _answer(context: HandlerContext, verb: Verb, asked: Request) -> bytes:
    kind, handler = VERBS[verb]
    with bound(verb=str(verb)):
        request: Any = _decode(kind, asked.data, writing=verb in WRITING)
        try:
            if handler in AUDITED:
                actor = Actor(name=asked_by(request.by, asked.account), way=Way.CLI)
                reply = await run_audited(context, actor, handler, request)
            else:
                reply = await handler(context, request)
            return codec.encode(reply)
        except UNAVAILABLE as error:
            raise request_error(ErrorCode.UNAVAILABLE, error.message) from error


def asked_by(claimed: str, account: str) -> str:
    """The sender: the name in the request, and the account that the server adds."""
    via = f" via {account}" if account else ""
    return f"{claimed[: MAX_TEXT - len(via)]}{via}"


def _decode(kind: type[Value], data: bytes, *, writing: bool) -> Value:
    """The request in `data`; an empty one (`nats req stt.v1.control.status ''`) has the defaults.

    One that changes something needs a body with its schema, and says who asks: an empty message
    that got to the subject by a misused reply must not enable or disable anything.
    """
    try:
        request = codec.decode(kind, data) if writing or data.strip() else kind()
    except ProtocolError as error:
        raise request_error(ErrorCode.BAD_REQUEST, error.message) from error
    except TypeError as error:
        what = f"the request is empty: expected {codec.schema_of(kind)}"
        raise request_error(ErrorCode.BAD_REQUEST, what) from error
    if writing and not getattr(request, "by", "").strip():
        raise request_error(ErrorCode.BAD_REQUEST, "the request has no user: expected `by`")
    return request
