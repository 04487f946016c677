"""Refuses addresses with a parameter that the page or interface does not have.

A parameter that is ignored looks as if it had been applied: the list would be of everything.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from stt_coordinator.control.handler_context import ErrorCode, request_error

CLOSE = 0.75  # of 1: how alike the name is that an unknown one may have been meant for


def refuse_unknown(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Raise RequestError for a parameter that is unknown, or given twice but taken once.

    A guard of pages and interface; probes may add what they like to the addresses of health.
    """
    # What answers OPTIONS has no parameters of its own.
    if not isinstance(handler, HTTPRouteHandler) or "OPTIONS" in handler.http_methods:
        return
    known = parameters_of(handler)
    given = Counter(name for name, _ in connection.query_params.multi_items())
    for name, times in given.items():
        if name not in known:
            raise request_error(ErrorCode.BAD_REQUEST, _unknown(name, known))
        if times > 1 and not known[name]:
            what = f"parameter {name!r} is given {times} times, expected once"
            raise request_error(ErrorCode.BAD_REQUEST, what)


@cache
def parameters_of(handler: HTTPRouteHandler) -> Mapping[str, bool]:
    """The query parameters of a handler by name, and whether each may be repeated."""
    fields = handler.parsed_fn_signature.parameters.values()
    return {
        field.kwarg_definition.name or field.kwarg_definition.query or field.name: _is_list(field)
        for field in fields
        if isinstance(field.kwarg_definition, QueryParameter)
    }


def _is_list(field: FieldDefinition) -> bool:
    return any(one.is_non_string_sequence for one in (field, *field.inner_types))


def _unknown(name: str, known: Mapping[str, bool]) -> str:
    close = next(iter(difflib.get_close_matches(name, known, n=1, cutoff=CLOSE)), "")
    if close:
        return f"unknown parameter {name!r:.60}, did you mean {close!r}?"
    expected = f"one of {', '.join(sorted(known))}" if known else "none"
    return f"unknown parameter {name!r:.60}, expected {expected}"
