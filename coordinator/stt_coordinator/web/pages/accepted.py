"""What is accepted: by whom, until when and why; accepting one finding, and taking that back."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from stt_coordinator.control import exceptions
from stt_coordinator.control.acting import act
from stt_coordinator.control.desk import Refusal, refused
from stt_coordinator.web.given import Acting, Given
from stt_coordinator.web.login.gate import OPERATORS
from stt_coordinator.web.pages.common import SOMEBODY, page, see
from stt_shared.protocol.exceptions import AcceptRequest, ExceptionsRequest, UnacceptRequest

ROWS = 100
STATES = ("live", "ended", "revoked", "all")
Form = URLEncodedBody[dict[str, str]]


@get("/accepted", include_in_schema=False)
async def accepted(
    desk: Given, wanted: Annotated[str, QueryParameter(name="state", max_length=20)] = "live"
) -> Template:
    """Exceptions, newest first; also the past ones, for auditors."""
    state = wanted if wanted in STATES else "live"
    reply = await exceptions.listed(desk, ExceptionsRequest(state=state, limit=ROWS))
    return page(
        desk,
        "accepted.html",
        title="Accepted",
        at="/accepted",
        found=reply.exceptions,
        total=reply.total,
        wanted=state,
        states=STATES,
    )


@post("/findings/{finding_id:str}/accept", include_in_schema=False, opt=OPERATORS)
async def accept(desk: Given, actor: Acting, finding_id: FromPath[str], data: Form) -> Redirect:
    """Accept one finding until a day, with a reason and who."""
    request = AcceptRequest(
        finding=finding_id,
        until=_day(data.get("until", "")),
        reason=data.get("reason", ""),
        by=data.get("by") or SOMEBODY,
    )
    await act(desk, actor, exceptions.accept, request)
    return see(f"/findings/{finding_id}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = f"until is {text!r:.40}, expected a day such as 2027-03-01"
        raise refused(Refusal.BAD_REQUEST, what) from None


@post("/accepted/{exception_id:str}", include_in_schema=False, opt=OPERATORS)
async def revoke(desk: Given, actor: Acting, exception_id: FromPath[str], data: Form) -> Redirect:
    """Take an exception back; its findings count again."""
    request = UnacceptRequest(id=exception_id, by=data.get("by") or SOMEBODY)
    await act(desk, actor, exceptions.unaccept, request)
    return see("/accepted")


HANDLERS = [accepted, accept, revoke]
