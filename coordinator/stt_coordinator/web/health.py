"""What machines ask of the coordinator itself: alive, making progress, which version."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from stt_coordinator.control.views.page_parts import metrics
from stt_coordinator.metrics.prometheus import MEDIA_TYPE
from stt_coordinator.web.dependencies import Given
from stt_coordinator.web.login.authorization import OPEN
from stt_coordinator.web.login.identity import who_asks
from stt_coordinator.web.openapi import look
from stt_shared.distribution import installed_version

SOMETHING = "log in to see what is wrong"


@get("/healthz", media_type=MediaType.TEXT, summary="Alive", opt=OPEN, security=[{}])
async def healthz() -> str:
    """Answers as long as the process turns."""
    return "ok"


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, and what was seen of each part; of the latter only for who may look."""

    wrong: Annotated[tuple[str, ...], msgspec.Meta(description="empty: it makes progress")]
    parts: dict[str, str] = {}


@get(
    "/readyz",
    summary="Makes progress: round trips of NATS and the store, results taken in",
    opt=OPEN,
    security=[{}],
    responses={HTTP_503_SERVICE_UNAVAILABLE: ResponseSpec(Ready, description="Not")},
)
async def readyz(context: Given, request: Request[Any, Any, Any]) -> Response[Ready]:
    """Each part proves itself; where a log-in is configured only who is logged in reads how."""
    parts = await context.ready()
    wrong = tuple(f"{part.name}: {part.seen}" for part in parts if not part.is_well)
    code = HTTP_503_SERVICE_UNAVAILABLE if wrong else HTTP_200_OK
    if who_asks(request.scope) is None:
        return Response(Ready(wrong=(SOMETHING,) if wrong else ()), status_code=code)
    told = {part.name: part.seen for part in parts}
    return Response(Ready(wrong=wrong, parts=told), status_code=code)


@look("/version", summary="The version of the coordinator and of its checks")
async def version(context: Given) -> dict[str, str]:
    """Versions as text."""
    catalogue = context.library.catalogue
    return {
        "version": installed_version(),
        "checks": catalogue.pack,
        "release_data_as_of": catalogue.as_of,
    }


@look(
    "/metrics",
    summary="Metrics for Prometheus, see docs/metrics.md",
    media_type=MEDIA_TYPE,
)
async def prometheus(context: Given) -> Response[bytes]:
    """Text of format 0.0.4."""
    return Response(await metrics(context), media_type=MEDIA_TYPE)


HANDLERS = [healthz, readyz, version, prometheus]
