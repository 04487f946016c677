"""The HTTP application over one handler context: pages, interface and health."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.routes import HTTPRoute
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType]
)
from litestar.status_codes import HTTP_401_UNAUTHORIZED, HTTP_403_FORBIDDEN
from litestar.template import TemplateConfig
from litestar.types import Message, Scope

from stt_coordinator.control.audited_commands import Actor
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.web import health
from stt_coordinator.web.api.openapi import openapi
from stt_coordinator.web.api.router import router
from stt_coordinator.web.dependencies import API_PREFIX, actor_of
from stt_coordinator.web.known_parameters import refuse_unknown
from stt_coordinator.web.login.authorization import (
    NAMELESS,
    Authentication,
    authorize,
    identify_local,
)
from stt_coordinator.web.login.identity import Identity, identity_of
from stt_coordinator.web.login.login import Login
from stt_coordinator.web.pages import (
    accepted,
    changes,
    checks,
    findings,
    home,
    runs,
    settings,
    targets,
    trends,
)
from stt_coordinator.web.pages import login as log_in
from stt_coordinator.web.problems import (
    accepts_html,
    is_api_request,
    json_response,
    problem_of,
    title_and_sentence,
)
from stt_coordinator.web.template_filters import FILTERS, GLOBALS
from stt_shared.distribution import installed_version

HERE = Path(__file__).parent
PAGES = (home, findings, targets, checks, runs, accepted, changes, settings, trends, log_in)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_BODY_BYTES = 256 * 1024
CSRF_COOKIE = "stt-form"
STALE_FORM = "CSRF token verification failed"  # the text of litestar


def application(
    context: HandlerContext,
    login: Login | None = None,
    *,
    log_ins: LogIns,
    secure: bool = False,
    form_key: str = "",
) -> Litestar:
    """The application over the same context as the control service.

    Without a login every local user has full access; `secure`: browsers use TLS; `form_key` signs
    the tokens of forms, none: a key of this application.
    """

    async def provide() -> HandlerContext:
        await context.control_state.recall()
        return context

    pages = [handler for module in PAGES for handler in module.HANDLERS]
    return Litestar(
        route_handlers=[
            Router("/", route_handlers=pages, guards=[refuse_unknown]),
            *health.HANDLERS,
            router(),
            create_static_files_router(path="/static", directories=[HERE / "static"], opt=NAMELESS),
        ],
        dependencies={
            "context": Provide(provide),
            "actor": Provide(actor_of, sync_to_thread=False),
        },
        middleware=[DefineMiddleware(Authentication, login=login, log_ins=log_ins)],
        guards=[authorize],
        template_config=TemplateConfig(instance=_engine()),
        csrf_config=CSRFConfig(
            secret=form_key or secrets.token_hex(32),
            cookie_name=CSRF_COOKIE,
            cookie_secure=secure,
            cookie_httponly=True,
            cookie_samesite="strict",
            exclude=[API_PREFIX],
        ),
        openapi_config=openapi(installed_version(), login=login is not None),
        before_send=[_headers],
        exception_handlers={Exception: _answer},
        request_max_body_size=MAX_BODY_BYTES,
        state=State({"context": context, "login": login, "log_ins": log_ins}),
        signature_types=[Actor, HandlerContext],
        logging_config=None,
    )


def _engine() -> JinjaTemplateEngine:
    engine = JinjaTemplateEngine(directory=HERE / "templates")
    engine.engine.autoescape = True
    engine.engine.trim_blocks = True
    engine.engine.filters.update(FILTERS)
    engine.engine.globals.update(GLOBALS)
    return engine


async def _headers(message: Message, scope: Scope) -> None:
    """Add the security headers to every answer, errors and files included."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        if "allow" in headers and "path_template" in scope:
            # Litestar lists only the methods of the handler that was registered first.
            methods = {
                method
                for route in scope["litestar_app"].routes
                if isinstance(route, HTTPRoute) and route.path_format == scope["path_template"]
                for method in route.methods
            }
            headers["Allow"] = ", ".join(sorted(methods))
        for name, value in HEADERS.items():
            headers.setdefault(name, value)  # pyright: ignore[reportUnknownMemberType]


def _name_again(request: Request[Any, Any, Any]) -> Identity | None:
    login: Login | None = request.app.state["login"]
    if login is not None:
        return login.name_again(request, request.app.state["log_ins"])
    found = identify_local(request)
    return found if isinstance(found, Identity) else None


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A page for a person, a problem document for a program; the same status for both."""
    if not accepts_html(request) or is_api_request(request):
        return json_response(request, error)
    if identity_of(request.scope) is None:  # an unknown address reached no authentication
        request.scope["user"] = _name_again(request)
    problem = problem_of(error)
    if problem.status == HTTP_401_UNAUTHORIZED:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        to = asked if request.method == "GET" else "/"
        return log_in.form(request, "Log in to see this page.", problem.status, to)
    context: HandlerContext = request.app.state["context"]
    is_stale = problem.status == HTTP_403_FORBIDDEN and problem.detail == STALE_FORM
    title, sentence = title_and_sentence(problem)
    found = Template(
        "reload.html" if is_stale else "message.html",
        context={
            "title": "Nothing was changed" if is_stale else title,
            "sentence": sentence,
            "page": "",
            "state": context.control_state.state,
        },
        status_code=problem.status,
    )
    if is_stale:
        # A browser keeps the cookie of the coordinator before, which would fail for ever.
        found.delete_cookie(CSRF_COOKIE)
    return found
