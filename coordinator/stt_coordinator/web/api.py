"""`/api/v1`: one address for each verb, with the very messages that NATS carries."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Router
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_415_UNSUPPORTED_MEDIA_TYPE

from stt_coordinator.web import api_act, api_history, api_look
from stt_coordinator.web.dependencies import API_PREFIX
from stt_coordinator.web.etag import Conditional
from stt_coordinator.web.login.authorization import LOOKING
from stt_coordinator.web.refusals import as_json


def only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse what a form of another site could send: a browser asks before it sends JSON."""
    if request.method not in LOOKING and request.content_type[0] != MediaType.JSON:
        raise HTTPException(
            status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            detail=f"the body is {request.content_type[0] or 'of no type'!r:.60}, expected JSON",
        )


def router() -> Router:
    """Every address below API_PREFIX."""
    return Router(
        API_PREFIX,
        route_handlers=[*api_look.HANDLERS, *api_history.HANDLERS, *api_act.HANDLERS],
        exception_handlers={Exception: as_json},
        before_request=only_json,
        middleware=[Conditional()],
    )
