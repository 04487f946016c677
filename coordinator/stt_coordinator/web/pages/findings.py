"""The list of findings, with its filters in the address, and the page of one finding."""

from __future__ import annotations

import re
from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.queries.findings import list_findings, read_finding
from stt_coordinator.control.views.groups import finding_groups
from stt_coordinator.control.views.page_parts import finding_scopes
from stt_coordinator.web.dependencies import Context
from stt_coordinator.web.pages.common import one_of, page, titles
from stt_coordinator.web.template_filters import GROUPS, query
from stt_shared.bus.values import RequestError
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.queries.overview import FindingGroup, FindingGroupBy, FindingGroupsRequest

ROWS = 50
MAX_GROUPS = 500
COMMA = re.compile(",")
LABEL_COMMA = re.compile(r",(?=[^,=]+=)")  # before another key: a value may have commas
MAX_NAMES = 10_000  # characters of a filter by names
Text = Annotated[str, QueryParameter(max_length=300)]
Names = Annotated[list[str] | None, QueryParameter()]  # each with one or more, by commas


@get("/findings", include_in_schema=False)
async def findings(
    context: Context,
    *,
    severity: Text = "",
    family: Text = "",
    site: Names = None,
    target: Names = None,
    check: Names = None,
    label: Names = None,
    finding_state: Annotated[str, QueryParameter(name="state", max_length=20)] = "open",
    group: Text = "",
    offset: Annotated[int, QueryParameter(ge=0, le=10_000_000)] = 0,
) -> Template:
    """Findings that match the filters, as a list or in groups."""
    asked = FindingsRequest(
        severities=(Severity(severity),) if one_of("severity", severity, Severity) else (),
        families=(Family(family),) if one_of("family", family, Family) else (),
        sites=_names("site", site),
        targets=_names("target", target),
        checks=_names("check", check),
        labels=_names("label", label),
        state=finding_state,
        offset=offset,
        limit=ROWS,
    )
    reply, wrong = FindingsReply(findings=(), total=0), ""
    try:
        reply = await list_findings(context, asked)
    except RequestError as error:  # an unknown name: the page keeps its filters and says so
        wrong = error.message
    by = one_of("group", group, GROUPS)
    return page(
        context,
        "findings.html",
        title="Findings",
        at="/findings",
        asked=asked,
        found=reply.findings,
        total=reply.total,
        wrong=wrong,
        status_code=HTTP_400_BAD_REQUEST if wrong else HTTP_200_OK,
        notice=reply.notice,
        parts=reply.parts_not_checked,
        group=by,
        groups=await _groups(context, by, asked) if by and not wrong else (),
        kept=_filters(asked),
        titles=titles(context),
        before=_at(asked, offset - ROWS) if offset > 0 else None,
        after=_at(asked, offset + ROWS) if offset + ROWS < reply.total else None,
    )


def _names(what: str, given: list[str] | None) -> tuple[str, ...]:
    """The names in a filter, each once; raises RequestError for a longer text than MAX_NAMES."""
    text = ",".join(given or ())
    if len(text) > MAX_NAMES:
        wrong = f"{what} has {len(text)} characters, the limit is {MAX_NAMES}"
        raise request_error(ErrorCode.BAD_REQUEST, wrong)
    found = (LABEL_COMMA if what == "label" else COMMA).split(text)
    return tuple(dict.fromkeys(name for one in found if (name := one.strip())))


async def _groups(context: Context, by: str, asked: FindingsRequest) -> tuple[FindingGroup, ...]:
    request = FindingGroupsRequest(
        by=FindingGroupBy(by),
        severities=asked.severities,
        families=asked.families,
        sites=asked.sites,
        targets=asked.targets,
        checks=asked.checks,
        labels=asked.labels,
        limit=MAX_GROUPS,
    )
    return (await finding_groups(context, request)).groups


def _filters(asked: FindingsRequest) -> dict[str, tuple[str, ...]]:
    return {
        "severity": asked.severities,
        "family": asked.families,
        "site": asked.sites,
        "target": asked.targets,
        "check": asked.checks,
        "label": asked.labels,
    }


def _at(asked: FindingsRequest, offset: int) -> str:
    state = "" if asked.state == "open" else asked.state
    return "/findings" + query(**_filters(asked), state=state, offset=max(0, offset))


@get("/findings/{finding_id:str}", include_in_schema=False)
async def finding(context: Context, finding_id: FromPath[str]) -> Template:
    """One finding, by its id or an unambiguous prefix of it."""
    reply: FindingReply = await read_finding(context, FindingRequest(id=finding_id))
    name = reply.finding.check
    same = await finding_groups(context, FindingGroupsRequest(checks=(name,), limit=1))
    applying = await finding_scopes(context, reply.finding)
    return page(
        context,
        "finding.html",
        title=reply.finding.summary,
        at="/findings",
        reply=reply,
        notice=reply.notice,
        check=context.library.catalogue.find(name),
        others=sum(group.findings for group in same.groups),
        labels=applying.labels,
        override=applying.override,
    )


HANDLERS = [findings, finding]
