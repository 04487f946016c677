"""Places in a list as opaque texts: where the next page begins, whatever comes or goes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from stt_coordinator.control.handler_context import ErrorCode, request_error

MAX_CURSOR = 1_000  # characters
T = TypeVar("T")


def cursor(place: Sequence[str | int]) -> str:
    """The text for a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def place(text: str, kind: type[T]) -> T | None:
    """The place that a text stands for; None for an empty one.

    Raises RequestError for a text that `cursor` did not make of a place of that kind.
    """
    if not text:
        return None
    try:
        padded = text[:MAX_CURSOR].encode("ascii") + b"=" * (-len(text) % 4)
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
        return msgspec.json.decode(data, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        what = f"after is {text!r:.40}, expected next of the page before"
        raise request_error(ErrorCode.BAD_REQUEST, what) from error
