"""The checks: what each finds and asks, and the switch of each."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import control_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_coordinator.control.queries.checks import list_checks
from stt_coordinator.control.views.page_parts import parts_of_check
from stt_coordinator.web.dependencies import Acting, Given
from stt_coordinator.web.login.authorization import ADMINS
from stt_coordinator.web.pages.common import SOMEBODY, page, see
from stt_shared.protocol.control import CheckSwitchRequest, Empty
from stt_shared.report.views.check import PERIODS, check_object

Form = URLEncodedBody[dict[str, str]]


@get("/checks", include_in_schema=False)
async def checks(context: Given) -> Template:
    """Every check by kind of database."""
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
async def check(context: Given, name: FromPath[str]) -> Template:
    """One check, by its name or an alias."""
    found = context.library.catalogue.find(name)
    if found is None:
        raise request_error(ErrorCode.UNKNOWN_CHECK, f"unknown check {name!r:.100}")
    return page(
        context,
        "check.html",
        title=found.name,
        at="/checks",
        check=found,
        queries=check_object(found)["queries"],
        enabled=found.name not in context.control_state.state.disabled_checks,
        periods=PERIODS,
        parts=await parts_of_check(context, found.name),
    )


@post("/checks/{name:str}", include_in_schema=False, opt=ADMINS)
async def switch(context: Given, actor: Acting, name: FromPath[str], data: Form) -> Redirect:
    """Switch it off or on for all databases."""
    request = CheckSwitchRequest(check=name, by=SOMEBODY)
    if data.get("to") == "off":
        await run_audited(context, actor, control_commands.disable_check, request)
    else:
        await run_audited(context, actor, control_commands.enable_check, request)
    return see(f"/checks/{name}")


HANDLERS = [checks, check, switch]
