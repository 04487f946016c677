"""`/api/v1`: one address for each verb, with the very messages that NATS carries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import MediaType, Request, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_201_CREATED,
    HTTP_202_ACCEPTED,
    HTTP_415_UNSUPPORTED_MEDIA_TYPE,
)

from stt_coordinator.control import exceptions, queries, switching
from stt_coordinator.control.actor import Actor
from stt_coordinator.control.report import report
from stt_coordinator.web.given import API_PREFIX, Acting, Given
from stt_coordinator.web.login.gate import ADMINS, OPERATORS
from stt_coordinator.web.refusals import as_json
from stt_shared import clock
from stt_shared.protocol.control import (
    ChangesReply,
    ChangesRequest,
    ChecksReply,
    CheckSwitchRequest,
    Empty,
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
    ReportReply,
    ReportRequest,
    RunReply,
    RunRequest,
    RunsReply,
    RunsRequest,
    StatusReply,
    SwitchReply,
    SwitchRequest,
    TargetsReply,
    TargetsRequest,
)
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionReply,
    ExceptionsReply,
    ExceptionsRequest,
    UnacceptRequest,
)
from stt_shared.protocol.words import Family, Severity

PREFIX = API_PREFIX
MAX_LIMIT = 1_000  # rows of a page
MAX_OFFSET = 10_000_000
DAY = timedelta(hours=24)
R = TypeVar("R", SwitchRequest, RunRequest, AcceptRequest)
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Rows of the page.")]
Offset = Annotated[int, QueryParameter(ge=0, le=MAX_OFFSET, description="Rows before the page.")]
State = Annotated[str, QueryParameter(name="state", description="open, resolved, all")]
Names = Annotated[list[str] | None, QueryParameter(description="Only these; repeatable.")]


def _signed(request: R, actor: Actor) -> R:
    """The request in the name of who logged in, whatever it says itself."""
    return msgspec.structs.replace(request, by=actor.known_as(request.by))


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


@post(
    "/enable", opt=ADMINS, status_code=HTTP_200_OK, summary="Let checks run; the first run follows"
)
async def enable(desk: Given, actor: Acting, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Twice is once."""
    return await switching.enable(desk, _signed(data, actor))


@post("/disable", opt=ADMINS, status_code=HTTP_200_OK, summary="Let no check run")
async def disable(desk: Given, actor: Acting, data: JSONBody[SwitchRequest]) -> SwitchReply:
    """Twice is once."""
    return await switching.disable(desk, _signed(data, actor))


@post("/runs", opt=OPERATORS, status_code=HTTP_202_ACCEPTED, summary="Check now")
async def start_run(desk: Given, actor: Acting, data: JSONBody[RunRequest]) -> RunReply:
    """The run to follow."""
    return await switching.run(desk, _signed(data, actor))


@post(
    "/checks/{check:str}/enable", opt=ADMINS, status_code=HTTP_200_OK, summary="Switch one check on"
)
async def enable_check(
    desk: Given, actor: Acting, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """For all targets."""
    request = CheckSwitchRequest(check=check, by=actor.known_as(data.by), reason=data.reason)
    return await switching.enable_check(desk, request)


@post(
    "/checks/{check:str}/disable",
    opt=ADMINS,
    status_code=HTTP_200_OK,
    summary="Switch one check off",
)
async def disable_check(
    desk: Given, actor: Acting, check: FromPath[str], data: JSONBody[SwitchRequest]
) -> SwitchReply:
    """For all targets."""
    request = CheckSwitchRequest(check=check, by=actor.known_as(data.by), reason=data.reason)
    return await switching.disable_check(desk, request)


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


@post(
    "/exceptions",
    opt=OPERATORS,
    status_code=HTTP_201_CREATED,
    summary="Accept something until a day",
)
async def accept(desk: Given, actor: Acting, data: JSONBody[AcceptRequest]) -> ExceptionReply:
    """A finding, or a check on a target, a label or a site."""
    return await exceptions.accept(desk, _signed(data, actor))


@post(
    "/exceptions/{exception:str}/revoke",
    opt=OPERATORS,
    status_code=HTTP_200_OK,
    summary="Take it back",
)
async def unaccept(
    desk: Given, actor: Acting, exception: FromPath[str], data: JSONBody[SwitchRequest]
) -> ExceptionReply:
    """Its findings count again."""
    request = UnacceptRequest(id=exception, by=actor.known_as(data.by), reason=data.reason)
    return await exceptions.unaccept(desk, request)


def only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse what a form of another site could send: a browser asks before it sends JSON."""
    if request.method not in ("GET", "HEAD") and request.content_type[0] != MediaType.JSON:
        raise HTTPException(
            status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            detail=f"the body is {request.content_type[0] or 'of no type'!r:.60}, expected JSON",
        )


LOOK = [
    *(status, checks, targets, findings, finding, changes, runs, run, latest, report_of_run),
    listed,
]
ACT = [enable, disable, start_run, enable_check, disable_check, accept, unaccept]


def router() -> Router:
    """Every address below PREFIX."""
    return Router(
        PREFIX,
        route_handlers=[*LOOK, *ACT],
        exception_handlers={Exception: as_json},
        before_request=only_json,
    )
