"""The HTTP application over one desk: pages, interface, health; nothing from anywhere else."""

from __future__ import annotations

import secrets
from importlib import metadata
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import MutableScopeHeaders, State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType]
)
from litestar.template import TemplateConfig
from litestar.types import Message, Scope

from stt_coordinator.control.desk import Desk
from stt_coordinator.web import api, health
from stt_coordinator.web.pages import accepted, checks, findings, home, runs, settings, targets
from stt_coordinator.web.refusals import as_json, problem_of, wants_page
from stt_coordinator.web.words import FILTERS, GLOBALS

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_BODY_BYTES = 256 * 1024


def application(desk: Desk) -> Litestar:
    """The application; `desk` is what the control service works with as well."""

    def provide() -> Desk:
        return desk

    pages = [
        handler
        for module in (home, findings, targets, checks, runs, accepted, settings)
        for handler in module.HANDLERS
    ]
    return Litestar(
        route_handlers=[
            *pages,
            *health.HANDLERS,
            api.router(),
            create_static_files_router(path="/static", directories=[HERE / "static"]),
        ],
        dependencies={"desk": Provide(provide, sync_to_thread=False)},
        template_config=TemplateConfig(instance=_engine()),
        csrf_config=CSRFConfig(
            secret=secrets.token_hex(32),
            cookie_httponly=True,
            cookie_samesite="strict",
            exclude=[api.PREFIX],
        ),
        openapi_config=OpenAPIConfig(
            title="Security Threat Tool",
            version=metadata.version("security-threat-tool"),
            path="/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        before_send=[_headers],
        exception_handlers={Exception: _answer},
        request_max_body_size=MAX_BODY_BYTES,
        state=State({"desk": desk}),
        signature_types=[Desk],
        logging_config=None,
    )


def _engine() -> JinjaTemplateEngine:
    engine = JinjaTemplateEngine(directory=HERE / "templates")
    engine.engine.autoescape = True
    engine.engine.trim_blocks = True
    engine.engine.filters.update(FILTERS)
    engine.engine.globals.update(GLOBALS)
    return engine


async def _headers(message: Message, _scope: Scope) -> None:
    """What every answer carries, errors and files too."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)  # pyright: ignore[reportUnknownMemberType]


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A page for a person, a problem document for a program; the same status for both."""
    if not wants_page(request):
        return as_json(request, error)
    problem = problem_of(error)
    desk: Desk = request.app.state["desk"]
    return Template(
        "message.html",
        context={
            "title": problem.title.capitalize(),
            "sentence": problem.detail,
            "page": "",
            "state": desk.switch.state,
        },
        status_code=problem.status,
    )
