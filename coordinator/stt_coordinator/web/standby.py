"""What a coordinator that stands by serves: that it does, for people, probes and Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import Litestar, MediaType, Response, get
from litestar.params import PathParameter
from litestar.status_codes import HTTP_503_SERVICE_UNAVAILABLE

from stt_coordinator.control.views.page_parts import standby_metrics
from stt_coordinator.metrics.prometheus import MEDIA_TYPE
from stt_coordinator.web.app import HEADERS

HIDDEN = "standby"  # with a log-in names are for users, and users log in where the store is


class Standing(msgspec.Struct, frozen=True):
    """Why it is not ready: a standby makes no progress."""

    wrong: Annotated[tuple[str, ...], msgspec.Meta(description="one sentence")]


def standby_application(sentence: Callable[[], str], *, is_hidden: bool) -> Litestar:
    """The application of a standby; `sentence` says behind whom it waits."""

    def seen() -> str:
        return HIDDEN if is_hidden else sentence()

    @get("/healthz", media_type=MediaType.TEXT)
    async def healthz() -> str:
        return "ok"

    # Not ready, so that whoever distributes requests sends them to the coordinator that acts.
    @get("/readyz")
    async def readyz() -> Response[Standing]:
        return Response(Standing(wrong=(seen(),)), status_code=HTTP_503_SERVICE_UNAVAILABLE)

    @get("/metrics", media_type=MEDIA_TYPE)
    async def metrics() -> Response[bytes]:
        return Response(standby_metrics(), media_type=MEDIA_TYPE)

    @get(["/", "/{path:path}"], media_type=MediaType.TEXT)
    async def page(path: Annotated[str, PathParameter()] = "") -> Response[str]:
        del path
        text = f"This coordinator does not act: {seen()}.\n"
        return Response(text, status_code=HTTP_503_SERVICE_UNAVAILABLE, media_type=MediaType.TEXT)

    return Litestar(
        route_handlers=[healthz, readyz, metrics, page],
        openapi_config=None,
        response_headers=HEADERS,
        logging_config=None,
    )
