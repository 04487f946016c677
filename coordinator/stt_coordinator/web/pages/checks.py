"""The list of checks, and the page of one check with its queries."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import control_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.check_names import CheckNames
from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.queries.checks import list_checks
from stt_coordinator.control.views.page_parts import parts_of_check
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import ADMINS
from stt_coordinator.web.pages.common import UNNAMED_USER, page, reason_in, redirect
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.policies import causes_named
from stt_shared.protocol.control import CheckInfo, CheckSwitchRequest, Empty
from stt_shared.report.views.check import PERIODS, check_object

Form = URLEncodedBody[dict[str, str]]
NO_TEXT = "This coordinator has other checks than the leader, and no text of this one."


@get("/checks", include_in_schema=False)
async def checks(context: Context) -> Template:
    """Every check by type of database."""
    reply = await list_checks(context, Empty())
    return page(
        context,
        "checks.html",
        title="Checks",
        at="/checks",
        found=reply.checks,
        off=sum(not one.enabled for one in reply.checks),
        as_of=reply.releases_as_of,
        periods=PERIODS,
    )


@get("/checks/{name:str}", include_in_schema=False)
async def check(context: Context, name: FromPath[str]) -> Template:
    """One check, by its name or an alias; raises RequestError `unknown_check`."""
    known = {one.check: one for one in (await list_checks(context, Empty())).checks}
    names = CheckNames(context.library.catalogue, known)
    meant = known.get(names.meant(name))
    if meant is None:
        raise request_error(ErrorCode.UNKNOWN_CHECK, names.unknown(name))
    found = context.library.catalogue.checks.get(meant.check) or _without_text(meant)
    return page(
        context,
        "check.html",
        title=found.name,
        at="/checks",
        check=found,
        queries=check_object(found)["queries"],
        enabled=meant.enabled,
        periods=PERIODS,
        causes=sorted(causes_named(found)),
        parts=await parts_of_check(context, found.name),
    )


def _without_text(known: CheckInfo) -> Check:
    """A check of the leader's that the own pack does not have."""
    return Check(
        name=known.check,
        version=2,
        family=known.family,
        summary=known.summary,
        description=NO_TEXT,
        script="",
        queries=(),
        digest=known.digest,
        interval=known.interval,
        category=known.category,
    )


@post("/checks/{name:str}", include_in_schema=False, opt=ADMINS)
async def set_enabled(context: Context, actor: Caller, name: FromPath[str], data: Form) -> Redirect:
    """Enable or disable the check for all databases."""
    request = CheckSwitchRequest(
        check=name, by=data.get("by") or UNNAMED_USER, reason=reason_in(data)
    )
    if data.get("to") == "off":
        await run_audited(context, actor, control_commands.disable_check, request)
    else:
        await run_audited(context, actor, control_commands.enable_check, request)
    return redirect(f"/checks/{name}")


HANDLERS = [checks, check, set_enabled]
