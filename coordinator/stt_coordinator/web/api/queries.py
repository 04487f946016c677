"""The addresses of `/api/v1` that change nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.params import FromPath, FromQuery, QueryParameter

from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.pages import MAX_CURSOR
from stt_coordinator.control.queries.audit import list_audit
from stt_coordinator.control.queries.changes import list_changes
from stt_coordinator.control.queries.checks import list_checks
from stt_coordinator.control.queries.findings import list_findings, read_finding
from stt_coordinator.control.queries.health import read_health
from stt_coordinator.control.queries.report import read_report
from stt_coordinator.control.queries.runs import list_runs
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.control.queries.suppressions import list_suppressions
from stt_coordinator.control.queries.targets import list_targets
from stt_coordinator.control.views.groups import finding_groups
from stt_coordinator.control.views.overview import overview
from stt_coordinator.web.api.openapi import query
from stt_coordinator.web.api.paging import paged
from stt_coordinator.web.dependencies import Context
from stt_shared import clock
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import (
    ChecksReply,
    Empty,
    StatusReply,
    TargetsReply,
    TargetsRequest,
)
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import Instant
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.protocol.queries.overview import (
    FindingGroupBy,
    FindingGroupsReply,
    FindingGroupsRequest,
    OverviewReply,
)
from stt_shared.protocol.queries.reports import ReportReply, ReportRequest, RunsReply, RunsRequest
from stt_shared.protocol.suppressions import (
    SuppressionsReply,
    SuppressionsRequest,
)

MAX_LIMIT = 1_000  # rows of a page
MAX_OFFSET = 10_000_000
DAY = timedelta(hours=24)
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Rows of the page.")]
Offset = Annotated[int, QueryParameter(ge=0, le=MAX_OFFSET, description="Rows before the page.")]
After = Annotated[
    str, QueryParameter(max_length=MAX_CURSOR, description="`next` of the page before.")
]
Since = Annotated[
    str,
    QueryParameter(max_length=40, description="RFC 3339, e.g. 2026-11-23T16:00:00Z"),
]
HttpRequest = Request[Any, Any, Any]
Names = Annotated[
    list[str] | None,
    QueryParameter(description="Only these; repeatable; `orders-*` is a beginning."),
]
Labels = Annotated[
    list[str] | None,
    QueryParameter(description="Only targets with this label, as `team=finance`; repeatable."),
]


def instant(text: str) -> datetime:
    """The instant in an address; raises RequestError for any other text."""
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError as error:
        what = f"since is {text!r:.60}, expected an instant such as 2026-11-23T16:00:00Z"
        raise request_error(ErrorCode.BAD_REQUEST, what) from error


@query("/status", summary="Control state, counts, runs, workers, and problems of STT itself")
async def status(context: Context) -> StatusReply:
    """The status."""
    return await read_status(context, Empty())


@query("/overview", summary="The numbers, the trend, what is new, what to fix first, the sites")
async def whole(context: Context) -> OverviewReply:
    """What the home page shows."""
    return await overview(context, Empty())


@query("/health", summary="The health of the coordinator itself, for `stt doctor`")
async def health(context: Context) -> HealthReply:
    """The state of each part and of the store."""
    return await read_health(context, Empty())


@query("/checks", summary="Every known check")
async def checks(context: Context) -> ChecksReply:
    """The checks."""
    return await list_checks(context, Empty())


@query("/targets", summary="A page of targets in order of their names")
async def targets(
    request: HttpRequest, context: Context, after: After = "", limit: Limit = 500
) -> Response[TargetsReply]:
    """Targets beyond `after`."""
    reply = await list_targets(context, TargetsRequest(after=after, limit=limit))
    return paged(request, reply)


@query("/findings", summary="A page of findings, most severe first, then oldest")
async def findings(
    request: HttpRequest,
    context: Context,
    *,
    severity: FromQuery[list[Severity] | None] = None,
    family: FromQuery[list[Family] | None] = None,
    site: Names = None,
    target: Names = None,
    check: Names = None,
    label: Labels = None,
    finding_state: Annotated[
        str, QueryParameter(name="state", description="open, accepted, gone, resolved, all")
    ] = ("open"),
    after: After = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response[FindingsReply]:
    """Findings that match every filter given."""
    asked = FindingsRequest(
        severities=tuple(severity or ()),
        families=tuple(family or ()),
        sites=tuple(site or ()),
        targets=tuple(target or ()),
        checks=tuple(check or ()),
        labels=tuple(label or ()),
        state=finding_state,
        after=after,
        offset=offset,
        limit=limit,
    )
    return paged(request, await list_findings(context, asked))


@query("/finding-groups", summary="Open findings counted by check, target or site")
async def groups(
    context: Context,
    *,
    by: FromQuery[FindingGroupBy] = FindingGroupBy.CHECK,
    severity: FromQuery[list[Severity] | None] = None,
    family: FromQuery[list[Family] | None] = None,
    site: Names = None,
    target: Names = None,
    check: Names = None,
    label: Labels = None,
    limit: Limit = 500,
) -> FindingGroupsReply:
    """Groups of the findings that match every filter given, most severe first."""
    asked = FindingGroupsRequest(
        by=by,
        severities=tuple(severity or ()),
        families=tuple(family or ()),
        sites=tuple(site or ()),
        targets=tuple(target or ()),
        checks=tuple(check or ()),
        labels=tuple(label or ()),
        limit=limit,
    )
    return await finding_groups(context, asked)


@query("/findings/{finding_id:str}", summary="One finding with its history")
async def finding(context: Context, finding_id: FromPath[str]) -> FindingReply:
    """The finding of an id or of an unambiguous prefix of one."""
    return await read_finding(context, FindingRequest(id=finding_id))


@query("/changes", summary="Changes of findings since an instant, by default a day ago")
async def changes(
    request: HttpRequest,
    context: Context,
    *,
    since: Since = "",
    after: After = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response[ChangesReply]:
    """Changes, oldest first."""
    at = instant(since) if since else clock.now() - DAY
    asked = ChangesRequest(since=at, after=after, offset=offset, limit=limit)
    return paged(request, await list_changes(context, asked))


@query("/runs", summary="The newest runs")
async def runs(
    request: HttpRequest, context: Context, after: After = "", limit: Limit = 20
) -> Response[RunsReply]:
    """Runs, newest first."""
    return paged(request, await list_runs(context, RunsRequest(after=after, limit=limit)))


@query("/runs/{run_id:str}", summary="One run with its progress")
async def run(context: Context, run_id: FromPath[str]) -> RunsReply:
    """A list that holds this run alone."""
    reply = await list_runs(context, RunsRequest(run_id=run_id))
    if not reply.runs:
        raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {run_id!r:.100}")
    return reply


@query("/report", summary="A page of the latest outcome of everything")
async def latest(
    request: HttpRequest, context: Context, after: After = ""
) -> Response[ReportReply]:
    """Pairs of target and check beyond `after`."""
    return paged(request, await read_report(context, ReportRequest(after=after)))


@query("/runs/{run_id:str}/report", summary="A page of the outcomes of one run")
async def report_of_run(
    request: HttpRequest, context: Context, run_id: FromPath[str], after: After = ""
) -> Response[ReportReply]:
    """Pairs of target and check beyond `after`."""
    return paged(request, await read_report(context, ReportRequest(run_id=run_id, after=after)))


@query("/exceptions", summary="A page of accepted findings and severity overrides, newest first")
async def listed(
    request: HttpRequest,
    context: Context,
    *,
    exception_state: Annotated[
        str, QueryParameter(name="state", description="live, ended, revoked, all")
    ] = "live",
    after: After = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response[SuppressionsReply]:
    """Entries with the number of findings that each covers now."""
    asked = SuppressionsRequest(state=exception_state, after=after, offset=offset, limit=limit)
    return paged(request, await list_suppressions(context, asked))


@query("/audit", summary="The audit log, newest first")
async def audit(
    request: HttpRequest, context: Context, after: After = "", limit: Limit = 100
) -> Response[AuditReply]:
    """Entries of the audit log before `after`."""
    return paged(request, await list_audit(context, AuditRequest(after=after, limit=limit)))


HANDLERS = [
    *(status, checks, targets, findings, finding, changes, runs, run, latest, report_of_run),
    *(listed, audit, health, whole, groups),
]
