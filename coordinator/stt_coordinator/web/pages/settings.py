"""The settings page: control state, next runs, pack, workers, problems, audit log."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import control_commands, fleet_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.queries.audit import list_audit
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import ADMINS, OPERATORS
from stt_coordinator.web.pages.common import (
    UNNAMED_USER,
    forget_shown,
    page,
    reason_in,
    redirect,
)
from stt_shared.protocol.audit import AuditRequest
from stt_shared.protocol.control import (
    Empty,
    SwitchRequest,
)
from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.queries.fleet import FleetReply, WorkerForgetRequest

ROWS = 50  # of the audit log
Form = URLEncodedBody[dict[str, str]]


@get("/settings", include_in_schema=False)
async def settings(
    context: Context, after: Annotated[str, QueryParameter(max_length=40)] = ""
) -> Template:
    """Everything about STT itself."""
    status = await read_status(context, Empty())
    done = await list_audit(context, AuditRequest(after=after, limit=ROWS))
    return page(
        context,
        "settings.html",
        title="Settings",
        at="/settings",
        status=status,
        done=done,
        policy=context.library.policy,
        is_first=not after,
        notice=status.notice,
    )


def _request(data: dict[str, str]) -> SwitchRequest:
    return SwitchRequest(by=data.get("by") or UNNAMED_USER, reason=reason_in(data))


@post("/enable", include_in_schema=False, opt=ADMINS)
async def enable(context: Context, actor: Caller, data: Form) -> Redirect:
    """Enable checks and show the first run."""
    reply = await run_audited(context, actor, control_commands.enable, _request(data))
    return redirect(f"/runs/{reply.run_id}" if reply.run_id else "/")


@post("/disable", include_in_schema=False, opt=ADMINS)
async def disable(context: Context, actor: Caller, data: Form) -> Redirect:
    """Disable checks."""
    await run_audited(context, actor, control_commands.disable, _request(data))
    return redirect("/settings")


@post("/workers/{worker:str}/forget", include_in_schema=False, opt=OPERATORS)
async def forget_worker(
    context: Context, actor: Caller, worker: FromPath[str], data: Form
) -> Redirect:
    """Forget a worker that is down."""
    request = WorkerForgetRequest(
        worker=worker, by=data.get("by") or UNNAMED_USER, reason=reason_in(data)
    )
    await run_audited(context, actor, fleet_commands.forget_workers, request)
    return redirect("/settings")


@post("/workers/forget", include_in_schema=False, opt=OPERATORS)
async def forget_workers(context: Context, actor: Caller, data: Form) -> Redirect:
    """Forget the workers that are down, no more than the page had shown."""
    request = WorkerForgetRequest(
        which=Leftovers.ALL, by=data.get("by") or UNNAMED_USER, reason=reason_in(data)
    )

    async def forget(limit: int) -> FleetReply:
        asked = msgspec.structs.replace(request, limit=limit)
        return await run_audited(context, actor, fleet_commands.forget_workers, asked)

    await forget_shown(forget, data, lambda reply: len(reply.workers))
    return redirect("/settings")


HANDLERS = [settings, enable, disable, forget_worker, forget_workers]
