"""Errors as problem documents (RFC 9457), with the same codes as over NATS."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from stt_coordinator.control.handler_context import ErrorCode
from stt_coordinator.control.unavailable import UNAVAILABLE
from stt_coordinator.web.dependencies import API_PREFIX
from stt_shared.bus.values import RequestError
from stt_shared.telemetry.logs import logger

STATUS = {
    ErrorCode.DISABLED: 409,
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.NO_TARGETS: 409,
    ErrorCode.IN_USE: 409,
    ErrorCode.NOT_ANNOUNCED: 409,
    ErrorCode.AMBIGUOUS_FINDING: 409,
    ErrorCode.UNAVAILABLE: 503,
}
UNKNOWN = 404  # of every other code: something of that name is not there
PROBLEM = "application/problem+json"
MAX_ERROR = 500  # characters of an unexpected error in the log
_LOG = logger("web")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document; `code` is one of a closed set, the same as over NATS."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def problem_of(error: Exception) -> Problem:
    """The problem document of an error; an unexpected error shows no detail."""
    if isinstance(error, RequestError):
        return _problem(STATUS.get(ErrorCode(error.code), UNKNOWN), error.code, error.message)
    if isinstance(error, UNAVAILABLE):
        return _problem(STATUS[ErrorCode.UNAVAILABLE], ErrorCode.UNAVAILABLE, error.message)
    if isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
        return _problem(error.status_code, f"http_{error.status_code}", error.detail)
    if isinstance(error, RecursionError):  # of the decoder of the body alone
        code = ErrorCode.BAD_REQUEST
        return _problem(STATUS[code], code, "the body is nested too deep")
    status = HTTP_500_INTERNAL_SERVER_ERROR
    _LOG.error("request_failed", error=repr(error)[:MAX_ERROR], exc_info=error)
    return _problem(status, "internal", "internal error of the coordinator, see its log")


def _problem(status: int, code: str, detail: str) -> Problem:
    title = code.replace("_", " ")
    return Problem(type=f"urn:stt:{code}", title=title, status=status, detail=detail, code=code)


def title_and_sentence(problem: Problem) -> tuple[str, str]:
    """The heading and the text of a problem on a page."""
    phrase = HTTPStatus(problem.status).phrase
    if problem.detail == phrase == HTTPStatus.NOT_FOUND.phrase:
        return phrase.capitalize(), "this page does not exist"
    is_plain = problem.code == f"http_{problem.status}"
    return (phrase if is_plain else problem.title).capitalize(), problem.detail


def json_response(_request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The problem as JSON."""
    problem = problem_of(error)
    headers = dict((error.headers or {}) if isinstance(error, HTTPException) else {})
    return Response(problem, status_code=problem.status, media_type=PROBLEM, headers=headers)


def is_api_request(request: Request[Any, Any, Any]) -> bool:
    """Whether the address is one of `/api/v1`."""
    return request.url.path.startswith(f"{API_PREFIX}/")


def accepts_html(request: Request[Any, Any, Any]) -> bool:
    """Whether the client accepts a page."""
    return MediaType.HTML in request.headers.get("accept", "")
