"""The list of databases, with the reason for each that is not checked; move and forget them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import fleet_commands
from stt_coordinator.control.audited_commands import run_audited
from stt_coordinator.control.pages import MAX_ROWS
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.control.queries.targets import list_targets
from stt_coordinator.web.dependencies import Caller, Context
from stt_coordinator.web.login.authorization import OPERATORS
from stt_coordinator.web.pages.common import (
    UNNAMED_USER,
    forget_shown,
    one_of,
    page,
    reason_in,
    redirect,
)
from stt_shared.protocol.control import (
    Empty,
    TargetInfo,
    TargetsRequest,
)
from stt_shared.protocol.enums import Leftovers
from stt_shared.protocol.queries.fleet import (
    FleetReply,
    TargetForgetRequest,
    TargetMoveRequest,
)

ROWS = 100
STATES = ("checked", "unchecked", "never", "gone")
Text = Annotated[str, QueryParameter(max_length=300)]
Form = URLEncodedBody[dict[str, str]]


@get("/targets", include_in_schema=False)
async def targets(
    context: Context,
    target_state: Annotated[str, QueryParameter(name="state", max_length=20)] = "",
    after: Text = "",
) -> Template:
    """A page of targets in order of their names."""
    wanted = one_of("state", target_state, STATES)
    found: list[TargetInfo] = []
    # Few of the targets may be in that state: many are read at once.
    step = MAX_ROWS if wanted else ROWS
    while len(found) < ROWS:
        reply = await list_targets(context, TargetsRequest(after=after, limit=step))
        found += [one for one in reply.targets if is_wanted(one, wanted)]
        after = reply.next
        if not after:
            break
    if len(found) > ROWS:
        found = found[:ROWS]
        after = found[-1].target
    return page(
        context,
        "targets.html",
        title="Databases",
        at="/targets",
        found=found,
        wanted=wanted,
        after=after,
        gone=(await read_status(context, Empty())).summary.counts.gone,
    )


def is_wanted(one: TargetInfo, state: str) -> bool:
    """Whether a list of `state` has the target; `unchecked` has checks that never ran, too."""
    has_gap = state == "unchecked" and bool(one.never_run)
    return not state or one.state == state or has_gap


@post("/targets/{target:str}/forget", include_in_schema=False, opt=OPERATORS)
async def forget(context: Context, actor: Caller, target: FromPath[str], data: Form) -> Redirect:
    """Forget a target that nobody announces."""
    request = TargetForgetRequest(
        targets=(target,), by=data.get("by") or UNNAMED_USER, reason=reason_in(data)
    )
    await run_audited(context, actor, fleet_commands.forget_targets, request)
    return redirect("/targets")


@post("/targets/forget", include_in_schema=False, opt=OPERATORS)
async def forget_gone(context: Context, actor: Caller, data: Form) -> Redirect:
    """Forget the targets that are gone, no more than the page had shown."""
    request = TargetForgetRequest(
        which=Leftovers.ALL, by=data.get("by") or UNNAMED_USER, reason=reason_in(data)
    )

    async def forget_some(limit: int) -> FleetReply:
        asked = msgspec.structs.replace(request, limit=limit)
        return await run_audited(context, actor, fleet_commands.forget_targets, asked)

    await forget_shown(forget_some, data, lambda reply: len(reply.targets))
    return redirect("/targets")


@post("/targets/{target:str}/move", include_in_schema=False, opt=OPERATORS)
async def move(context: Context, actor: Caller, target: FromPath[str], data: Form) -> Redirect:
    """Give a target to a site whose workers claim it."""
    request = TargetMoveRequest(
        targets=(target,),
        site=data.get("site", ""),
        by=data.get("by") or UNNAMED_USER,
        reason=reason_in(data),
    )
    await run_audited(context, actor, fleet_commands.move_targets, request)
    return redirect("/targets")


HANDLERS = [targets, forget, forget_gone, move]
