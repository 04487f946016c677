"""`/api/v1`: one address for each verb, with the messages of the control service."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Router
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_415_UNSUPPORTED_MEDIA_TYPE

from stt_coordinator.web.api import commands, history, queries
from stt_coordinator.web.api.etag import EntityTags
from stt_coordinator.web.dependencies import API_PREFIX
from stt_coordinator.web.known_parameters import refuse_unknown
from stt_coordinator.web.login.authorization import SAFE_METHODS
from stt_coordinator.web.problems import json_response


def only_json(request: Request[Any, Any, Any]) -> None:
    """Raise 415 for a body that is not JSON.

    A form of another site cannot send JSON without a preflight request, which nobody answers.
    """
    if request.method not in SAFE_METHODS and request.content_type[0] != MediaType.JSON:
        raise HTTPException(
            status_code=HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            detail=f"the body is {request.content_type[0] or 'of no type'!r:.60}, expected JSON",
        )


def router() -> Router:
    """The router of every address below API_PREFIX."""
    return Router(
        API_PREFIX,
        route_handlers=[*queries.HANDLERS, *history.HANDLERS, *commands.HANDLERS],
        exception_handlers={Exception: json_response},
        before_request=only_json,
        guards=[refuse_unknown],
        middleware=[EntityTags()],
    )
