"""Verbs to handlers: bytes are decoded, answered, encoded, and every refusal has a code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from stt_coordinator.control import control_commands, exceptions, queries
from stt_coordinator.control.actor import Actor
from stt_coordinator.control.audited_commands import ACTS, act, recorded
from stt_coordinator.control.diff import diff
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.health import health
from stt_coordinator.control.report import report
from stt_coordinator.control.trends import trends
from stt_coordinator.control.unavailable import UNAVAILABLE
from stt_coordinator.control.views.groups import finding_groups
from stt_coordinator.control.views.overview import overview
from stt_shared.bus.port import Handler
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.audit import AuditRequest
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    Empty,
    RunRequest,
    SwitchRequest,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Way
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionsRequest,
    ImportRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    UnacceptRequest,
)
from stt_shared.protocol.findings import ChangesRequest, FindingRequest, FindingsRequest
from stt_shared.protocol.history import DiffRequest, TrendsRequest
from stt_shared.protocol.messages import Value
from stt_shared.protocol.overview import FindingGroupsRequest
from stt_shared.protocol.reports import ReportRequest, RunsRequest
from stt_shared.telemetry.logs import bound

R = TypeVar("R", bound=Value)
Answer = Callable[[HandlerContext, Any], Awaitable[Value]]  # Any: each takes its own request

VERBS: dict[Verb, tuple[type[Value], Answer]] = {
    Verb.ENABLE: (SwitchRequest, control_commands.enable),
    Verb.DISABLE: (SwitchRequest, control_commands.disable),
    Verb.RUN: (RunRequest, control_commands.run),
    Verb.STATUS: (Empty, queries.status),
    Verb.OVERVIEW: (Empty, overview),
    Verb.CHECKS: (Empty, queries.checks),
    Verb.CHECK_DISABLE: (CheckSwitchRequest, control_commands.disable_check),
    Verb.CHECK_ENABLE: (CheckSwitchRequest, control_commands.enable_check),
    Verb.TARGETS: (TargetsRequest, queries.targets),
    Verb.FINDINGS: (FindingsRequest, queries.findings),
    Verb.FINDING_GROUPS: (FindingGroupsRequest, finding_groups),
    Verb.FINDING: (FindingRequest, queries.finding),
    Verb.ACCEPT: (AcceptRequest, exceptions.accept),
    Verb.UNACCEPT: (UnacceptRequest, exceptions.unaccept),
    Verb.SEVERITY_SET: (SeveritySetRequest, exceptions.set_severity),
    Verb.SEVERITY_RESET: (SeverityResetRequest, exceptions.reset_severity),
    Verb.EXCEPTIONS: (ExceptionsRequest, exceptions.listed),
    Verb.EXCEPTIONS_IMPORT: (ImportRequest, exceptions.imported),
    Verb.CHANGES: (ChangesRequest, queries.changes),
    Verb.DIFF: (DiffRequest, diff),
    Verb.TRENDS: (TrendsRequest, trends),
    Verb.RUNS: (RunsRequest, queries.runs),
    Verb.REPORT: (ReportRequest, report),
    Verb.AUDIT: (AuditRequest, recorded),
    Verb.HEALTH: (Empty, health),
}
EMPTY = b""  # `nats req stt.v1.control.status ''`: the request with nothing but defaults


def handlers(context: HandlerContext) -> dict[str, Handler]:
    """One handler for the subject of each verb."""
    return {subjects.control(verb): partial(_answer, context, verb) for verb in VERBS}


async def _answer(context: HandlerContext, verb: Verb, data: bytes) -> bytes:
    with bound(verb=str(verb)):
        return await _handle(context, *VERBS[verb], data)


async def _handle(context: HandlerContext, kind: type[Value], answer: Answer, data: bytes) -> bytes:
    try:
        request = codec.decode(kind, data) if data.strip() else _default(kind)
    except ProtocolError as error:
        raise request_error(ErrorCode.BAD_REQUEST, error.message) from error
    try:
        return codec.encode(await _answered(context, answer, request))
    except UNAVAILABLE as error:
        raise request_error(ErrorCode.UNAVAILABLE, error.message) from error


async def _answered(context: HandlerContext, answer: Answer, request: Any) -> Value:
    if answer in ACTS:
        return await act(context, Actor(name="", way=Way.CLI), answer, request)
    return await answer(context, request)


def _default(kind: type[Value]) -> Value:
    try:
        return kind()
    except TypeError as error:
        what = f"an empty request is no {codec.schema_of(kind)}"
        raise ProtocolError("malformed", what) from error
