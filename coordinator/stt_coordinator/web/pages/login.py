"""The login form, which needs no script, and logging out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Template
from litestar.status_codes import (
    HTTP_303_SEE_OTHER,
    HTTP_401_UNAUTHORIZED,
    HTTP_429_TOO_MANY_REQUESTS,
)

from stt_coordinator.control.log_ins import SESSION, LogIns
from stt_coordinator.web.login.addresses import origin_of
from stt_coordinator.web.login.authorization import CHALLENGE, NAMELESS
from stt_coordinator.web.login.login import Login, cookie_of, is_plain_loopback
from stt_shared import clock
from stt_shared.telemetry.logs import logger

HttpRequest = Request[Any, Any, Any]
Form = URLEncodedBody[dict[str, str]]
MAX_PATH = 2_000  # characters of the page to go to afterwards
_LOG = logger("log-in")


def form(request: HttpRequest, sentence: str, status: int, to: str) -> Template:
    """The form with an error message."""
    login: Login | None = request.app.state["login"]
    context = {
        "title": "Log in",
        "page": "",
        "sentence": sentence,
        "to": local(to),
        "has_tokens": login is not None and login.tokens is not None,
        "has_login": login is not None,
    }
    headers = CHALLENGE if status == HTTP_401_UNAUTHORIZED else {}
    return Template("login.html", context=context, status_code=status, headers=headers)


def local(path: str) -> str:
    """`path` if it is on this site, else `/`: a form must not redirect to another site."""
    good = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path if good and "\\" not in path and len(path) <= MAX_PATH else "/"


@get("/login", include_in_schema=False, opt=NAMELESS)
async def show(
    request: HttpRequest, to: Annotated[str, QueryParameter(max_length=MAX_PATH)] = "/"
) -> Template:
    """The form."""
    return form(request, "", 200, to)


@post("/login", include_in_schema=False, opt=NAMELESS)
async def enter(request: HttpRequest, data: Form) -> Response[Any]:
    """Begin a session for a valid token; count failures."""
    login: Login | None = request.app.state["login"]
    if login is None:
        return Response(None, status_code=HTTP_303_SEE_OTHER, headers={"Location": "/"})
    log_ins: LogIns = request.app.state["log_ins"]
    now, address, to = clock.now(), login.visitor(request), data.get("to", "/")
    who = login.holder(data.get("token", "").strip())
    entry = await log_ins.enter(origin_of(address), who.digest if who else None, now)
    if entry.wait_s:
        sentence = f"Too many failed attempts: try again in {entry.wait_s} s."
        found = form(request, sentence, HTTP_429_TOO_MANY_REQUESTS, to)
        found.headers["Retry-After"] = str(entry.wait_s)
        return found
    if who is None:
        _LOG.warning("login_rejected", address=address)
        return form(request, "Unknown token.", HTTP_401_UNAUTHORIZED, to)
    _LOG.info("login_accepted", name=who.name, role=str(who.role), address=address)
    return Response(
        None,
        status_code=HTTP_303_SEE_OTHER,
        headers={"Location": local(to)},
        cookies=[_cookie(request, entry.session, SESSION)],
    )


@post("/logout", include_in_schema=False, opt=NAMELESS)
async def leave(request: HttpRequest) -> Response[None]:
    """End the session."""
    login: Login | None = request.app.state["login"]
    id_ = request.cookies.get(cookie_of(request))
    if login is not None and id_:
        log_ins: LogIns = request.app.state["log_ins"]
        await log_ins.end(id_)
    return Response(
        None,
        status_code=HTTP_303_SEE_OTHER,
        headers={"Location": "/login"},
        cookies=[_cookie(request, "", timedelta())],
    )


def _cookie(request: HttpRequest, value: str, lasts: timedelta) -> Cookie:
    return Cookie(
        key=cookie_of(request),
        value=value,
        max_age=int(lasts.total_seconds()),
        path="/",
        secure=not is_plain_loopback(request),
        httponly=True,
        samesite="strict",
    )


HANDLERS = [show, enter, leave]
