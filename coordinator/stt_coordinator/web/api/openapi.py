"""The OpenAPI description of the interface; every error is a problem document."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any, cast

from litestar import MediaType, get, post
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from stt_coordinator.web.problems import PROBLEM, Problem

READ_ERRORS = (400, 401, 403, 404, 500, 503)
WRITE_ERRORS = (*READ_ERRORS, 409, 413, 415)
BEARER = "token"


def _errors(codes: tuple[int, ...]) -> dict[int, ResponseSpec]:
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
query = partial(get, responses=_errors(READ_ERRORS) | _UNCHANGED)
command = partial(post, responses=_errors(WRITE_ERRORS))


def openapi(version: str, *, login: bool) -> OpenAPIConfig:
    """The description of the interface; with a login it has the security scheme."""
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
