"""The switch with who and why, the next runs, the checks in use, the workers, what is wrong."""

from __future__ import annotations

from litestar import get, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import queries, switching
from stt_coordinator.control.actor import Actor
from stt_coordinator.web.given import Acting, Given
from stt_coordinator.web.login.gate import ADMINS
from stt_coordinator.web.pages.common import SOMEBODY, page, see
from stt_shared.protocol.control import Empty, SwitchRequest

Form = URLEncodedBody[dict[str, str]]


@get("/settings", include_in_schema=False)
async def settings(desk: Given) -> Template:
    """Everything about STT itself."""
    status = await queries.status(desk, Empty())
    return page(
        desk,
        "settings.html",
        title="Settings",
        at="/settings",
        status=status,
        notice=status.notice,
    )


def _request(data: dict[str, str], actor: Actor) -> SwitchRequest:
    by = actor.known_as(data.get("by") or SOMEBODY)
    return SwitchRequest(by=by, reason=data.get("reason", ""))


@post("/enable", include_in_schema=False, opt=ADMINS)
async def enable(desk: Given, actor: Acting, data: Form) -> Redirect:
    """Let checks run and look at the first one."""
    reply = await switching.enable(desk, _request(data, actor))
    return see(f"/runs/{reply.run_id}" if reply.run_id else "/")


@post("/disable", include_in_schema=False, opt=ADMINS)
async def disable(desk: Given, actor: Acting, data: Form) -> Redirect:
    """Let no check run."""
    await switching.disable(desk, _request(data, actor))
    return see("/settings")


HANDLERS = [settings, enable, disable]
