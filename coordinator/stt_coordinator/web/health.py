"""Liveness, readiness, version and metrics of the coordinator, for machines."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from stt_coordinator.control.views.page_parts import metrics
from stt_coordinator.metrics.prometheus import MEDIA_TYPE
from stt_coordinator.web.api.openapi import query
from stt_coordinator.web.dependencies import Context
from stt_coordinator.web.login.authorization import NAMELESS, OPEN
from stt_coordinator.web.login.identity import identity_of
from stt_shared.distribution import installed_version

HIDDEN = "log in to see the problems"


@get("/healthz", media_type=MediaType.TEXT, summary="Alive", opt=NAMELESS, security=[{}])
async def healthz() -> str:
    """Answer as long as the event loop runs."""
    return "ok"


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """Problems, and the state of each part; details are for logged-in clients only."""

    wrong: Annotated[tuple[str, ...], msgspec.Meta(description="empty: it makes progress")]
    parts: dict[str, str] = {}


@get(
    "/readyz",
    summary="Readiness: round trips to NATS and the store, and results recorded",
    opt=OPEN,
    security=[{}],
    responses={HTTP_503_SERVICE_UNAVAILABLE: ResponseSpec(Ready, description="Not")},
)
async def readyz(context: Context, request: Request[Any, Any, Any]) -> Response[Ready]:
    """Test each part; with a login configured, details need a logged-in client."""
    parts = await context.ready()
    wrong = tuple(f"{part.name}: {part.seen}" for part in parts if not part.is_well)
    code = HTTP_503_SERVICE_UNAVAILABLE if wrong else HTTP_200_OK
    if identity_of(request.scope) is None:
        return Response(Ready(wrong=(HIDDEN,) if wrong else ()), status_code=code)
    seen = {part.name: part.seen for part in parts}
    return Response(Ready(wrong=wrong, parts=seen), status_code=code)


@query("/version", summary="The version of the coordinator and of its checks")
async def version(context: Context) -> dict[str, str]:
    """Versions as text."""
    catalogue = context.library.catalogue
    return {
        "version": installed_version(),
        "checks": catalogue.pack,
        "release_data_as_of": catalogue.as_of,
    }


@query(
    "/metrics",
    summary="Metrics for Prometheus, see docs/metrics.md",
    media_type=MEDIA_TYPE,
)
async def prometheus(context: Context) -> Response[bytes]:
    """Text of format 0.0.4."""
    return Response(await metrics(context), media_type=MEDIA_TYPE)


HANDLERS = [healthz, readyz, version, prometheus]
