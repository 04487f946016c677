"""Handlers of the interface as OpenAPI tells of them: every refusal is a problem document."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any, cast

from litestar import MediaType, get, post
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from stt_coordinator.web.refusals import PROBLEM, Problem

LOOKING = (400, 401, 403, 404, 500, 503)
CHANGING = (*LOOKING, 409, 413, 415)
BEARER = "token"


def _refusals(codes: tuple[int, ...]) -> dict[int, ResponseSpec]:
    return {
        code: ResponseSpec(
            data_container=Problem,
            description=HTTPStatus(code).phrase,
            media_type=cast("MediaType", PROBLEM),
            generate_examples=False,
        )
        for code in codes
    }


_UNCHANGED = {304: ResponseSpec(None, description="The answer with that entity tag still holds.")}
look = partial(get, responses=_refusals(LOOKING) | _UNCHANGED)
change = partial(post, responses=_refusals(CHANGING))


def openapi(version: str, *, login: bool) -> OpenAPIConfig:
    """The description of the interface; with a log-in it says how to log in."""
    schemes: dict[str, Any] = {
        BEARER: SecurityScheme(type="http", scheme="bearer", description="a token, see docs/api.md")
    }
    return OpenAPIConfig(
        title="Security Threat Tool",
        version=version,
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes=schemes) if login else Components(),
        security=[{BEARER: []}] if login else None,
    )
