"""The page of accepted findings and severity overrides: list, forms, revoking."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.queries.suppressions import list_suppressions
from stt_coordinator.control.suppressions import commands
from stt_coordinator.control.views.page_parts import scopes
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import ADMINS, OPERATORS
from stt_coordinator.web.pages.common import UNNAMED_USER, one_of, page, redirect
from stt_coordinator.web.suppressions import revoke as revoke_suppression
from stt_shared.identity import is_token
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionsRequest,
    UnacceptRequest,
)

ROWS = 100
STATES = ("live", "ended", "revoked", "all")
WHERE = {"target": "database", "label": "label", "site": "site"}  # a check is accepted there
Form = URLEncodedBody[dict[str, str]]


@get("/accepted", include_in_schema=False)
async def accepted(
    context: Context, wanted: Annotated[str, QueryParameter(name="state", max_length=20)] = "live"
) -> Template:
    """Entries, newest first; past entries too, for auditors."""
    state = one_of("state", wanted, STATES) or "live"
    reply = await list_suppressions(context, SuppressionsRequest(state=state, limit=ROWS))
    offered = await scopes(context)
    return page(
        context,
        "accepted.html",
        title="Accepted",
        at="/accepted",
        found=reply.exceptions,
        total=reply.total,
        wanted=state,
        states=STATES,
        where=WHERE,
        sites=offered.sites,
        labels=offered.labels,
        checks=offered.checks,
    )


@post("/findings/{finding_id:str}/accept", include_in_schema=False, opt=OPERATORS)
async def accept(
    context: Context, actor: Caller, finding_id: FromPath[str], data: Form
) -> Redirect:
    """Accept one finding until a day, or its check at one of the places where it was found."""
    kind, _, name = data.get("scope", "").partition(":")
    await run_audited(context, actor, commands.accept, _asked(data, kind, name, finding_id))
    return redirect(f"/findings/{finding_id}")


@post("/accepted", include_in_schema=False, opt=OPERATORS)
async def accept_check(context: Context, actor: Caller, data: Form) -> Redirect:
    """Accept the findings of a check on a database, a label or a site until a day."""
    request = _asked(data, data.get("where", ""), data.get("name", ""))
    await run_audited(context, actor, commands.accept, request)
    return redirect("/accepted")


def _asked(data: dict[str, str], kind: str, name: str, finding: str = "") -> AcceptRequest:
    """The request of a form: for a check at a place, or for a finding without a place."""
    return AcceptRequest(
        finding="" if kind in WHERE else finding,
        check=data.get("check", "") if kind in WHERE else "",
        target=name if kind == "target" else "",
        label=name if kind == "label" else "",
        site=name if kind == "site" else "",
        until=_day(data.get("until", "")),
        reason=data.get("reason", ""),
        by=data.get("by") or UNNAMED_USER,
    )


@post("/severities", include_in_schema=False, opt=ADMINS)
async def override(context: Context, actor: Caller, data: Form) -> Redirect:
    """Override the severity of a check at a site."""
    until = data.get("until", "")
    request = SeveritySetRequest(
        check=data.get("check", ""),
        site=data.get("site", ""),
        severity=_severity(data.get("severity", "")),
        until=_day(until) if until else None,
        reason=data.get("reason", ""),
        by=data.get("by") or UNNAMED_USER,
    )
    await run_audited(context, actor, commands.set_severity, request)
    return redirect(_back(data))


@post("/severities/reset", include_in_schema=False, opt=ADMINS)
async def reset(context: Context, actor: Caller, data: Form) -> Redirect:
    """Remove the override."""
    request = SeverityResetRequest(
        check=data.get("check", ""), site=data.get("site", ""), by=data.get("by") or UNNAMED_USER
    )
    await run_audited(context, actor, commands.reset_severity, request)
    return redirect(_back(data))


def _back(data: dict[str, str]) -> str:
    """The address of the finding that the form belongs to, or of the list."""
    finding = data.get("finding", "")
    return f"/findings/{finding}" if is_token(finding) else "/accepted"


def _severity(text: str) -> Severity:
    try:
        return Severity(text)
    except ValueError:
        what = f"severity is {text!r:.40}, expected one of {', '.join(Severity)}"
        raise request_error(ErrorCode.BAD_REQUEST, what) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = f"until is {text!r:.40}, expected a day such as 2027-03-01"
        raise request_error(ErrorCode.BAD_REQUEST, what) from None


@post("/accepted/{exception_id:str}", include_in_schema=False, opt=OPERATORS)
async def revoke(
    context: Context, actor: Caller, exception_id: FromPath[str], data: Form
) -> Redirect:
    """Revoke an entry; its findings count again."""
    request = UnacceptRequest(id=exception_id, by=data.get("by") or UNNAMED_USER)
    await revoke_suppression(context, actor, request)
    return redirect(_back(data))


HANDLERS = [accepted, accept, accept_check, revoke, override, reset]
