"""The addresses of `/api/v1` that only look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from stt_coordinator.control import exceptions, queries
from stt_coordinator.control.acting import recorded
from stt_coordinator.control.report import report
from stt_coordinator.web.given import Given
from stt_shared import clock
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import (
    ChangesReply,
    ChangesRequest,
    ChecksReply,
    Empty,
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
    ReportReply,
    ReportRequest,
    RunsReply,
    RunsRequest,
    StatusReply,
    TargetsReply,
    TargetsRequest,
)
from stt_shared.protocol.exceptions import (
    ExceptionsReply,
    ExceptionsRequest,
)
from stt_shared.protocol.words import Family, Severity

MAX_LIMIT = 1_000  # rows of a page
MAX_OFFSET = 10_000_000
DAY = timedelta(hours=24)
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Rows of the page.")]
Offset = Annotated[int, QueryParameter(ge=0, le=MAX_OFFSET, description="Rows before the page.")]
State = Annotated[str, QueryParameter(name="state", description="open, resolved, all")]
Names = Annotated[list[str] | None, QueryParameter(description="Only these; repeatable.")]


@get("/status", summary="On or off, counts, runs, workers, and what is wrong with STT itself")
async def status(desk: Given) -> StatusReply:
    """The status."""
    return await queries.status(desk, Empty())


@get("/checks", summary="Every known check")
async def checks(desk: Given) -> ChecksReply:
    """The checks."""
    return await queries.checks(desk, Empty())


@get("/targets", summary="A page of targets in order of their names")
async def targets(desk: Given, after: FromQuery[str] = "", limit: Limit = 500) -> TargetsReply:
    """Targets beyond `after`."""
    return await queries.targets(desk, TargetsRequest(after=after, limit=limit))


@get("/findings", summary="A page of findings, most severe first, then oldest")
async def findings(
    desk: Given,
    *,
    severity: FromQuery[list[Severity] | None] = None,
    family: FromQuery[list[Family] | None] = None,
    site: Names = None,
    target: Names = None,
    check: Names = None,
    finding_state: Annotated[
        str, QueryParameter(name="state", description="open, resolved, all")
    ] = ("open"),
    offset: Offset = 0,
    limit: Limit = 100,
) -> FindingsReply:
    """Findings that match every filter given."""
    request = FindingsRequest(
        severities=tuple(severity or ()),
        families=tuple(family or ()),
        sites=tuple(site or ()),
        targets=tuple(target or ()),
        checks=tuple(check or ()),
        state=finding_state,
        offset=offset,
        limit=limit,
    )
    return await queries.findings(desk, request)


@get("/findings/{finding_id:str}", summary="One finding with its history")
async def finding(desk: Given, finding_id: FromPath[str]) -> FindingReply:
    """By its id or an unambiguous beginning of it."""
    return await queries.finding(desk, FindingRequest(id=finding_id))


@get("/changes", summary="What happened to findings since an instant, by default a day ago")
async def changes(
    desk: Given, since: FromQuery[datetime | None] = None, offset: Offset = 0, limit: Limit = 100
) -> ChangesReply:
    """Changes, oldest first."""
    request = ChangesRequest(since=since or clock.now() - DAY, offset=offset, limit=limit)
    return await queries.changes(desk, request)


@get("/runs", summary="The newest runs")
async def runs(desk: Given, limit: Limit = 20) -> RunsReply:
    """Runs, newest first."""
    return await queries.runs(desk, RunsRequest(limit=limit))


@get("/runs/{run_id:str}", summary="One run and how far it is")
async def run(desk: Given, run_id: FromPath[str]) -> RunsReply:
    """The run, or none of that id."""
    return await queries.runs(desk, RunsRequest(run_id=run_id))


@get("/report", summary="A page of the latest outcome of everything")
async def latest(desk: Given, after: FromQuery[str] = "") -> ReportReply:
    """Pairs of target and check beyond `after`."""
    return await report(desk, ReportRequest(after=after))


@get("/runs/{run_id:str}/report", summary="A page of what one run found")
async def report_of_run(
    desk: Given, run_id: FromPath[str], after: FromQuery[str] = ""
) -> ReportReply:
    """Pairs of target and check beyond `after`."""
    return await report(desk, ReportRequest(run_id=run_id, after=after))


@get("/exceptions", summary="A page of exceptions, newest first; also the past ones")
async def listed(
    desk: Given,
    exception_state: Annotated[
        str, QueryParameter(name="state", description="live, ended, revoked, all")
    ] = "live",
    offset: Offset = 0,
    limit: Limit = 100,
) -> ExceptionsReply:
    """Exceptions with how many findings each accepts now."""
    request = ExceptionsRequest(state=exception_state, offset=offset, limit=limit)
    return await exceptions.listed(desk, request)


@get("/audit", summary="Who did what, newest first")
async def audit(desk: Given, after: FromQuery[str] = "", limit: Limit = 100) -> AuditReply:
    """Entries of the record before `after`."""
    return await recorded(desk, AuditRequest(after=after, limit=limit))


HANDLERS = [
    *(status, checks, targets, findings, finding, changes, runs, run, latest, report_of_run),
    *(listed, audit),
]
