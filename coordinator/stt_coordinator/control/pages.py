"""Pages of replies: as many rows as one message holds, and where the next page begins."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, cast

import msgspec

from stt_coordinator.control.handler_context import ErrorCode, request_error
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES, UNDECODABLE
from stt_shared.protocol.messages import Fix
from stt_shared.report import remedy
from stt_shared.report.remedy import Remediable

MAX_ROWS = 1_000  # of any page, whatever is asked for
MAX_CURSOR = 1_000  # characters
# Of each text of a row that is too large for a message: the most with which it fits. Not fewer than
# a name has, by which the next page begins.
SLIM_CHARACTERS = (4_096, 512, 128)
ROOM_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # for rows; the rest is for what stands around them
_ENCODER = msgspec.json.Encoder()
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


def page_size(asked: int) -> int:
    """How many rows a page has: as many as asked for, at least 1 and at most MAX_ROWS."""
    return max(1, min(asked, MAX_ROWS))


def fitting(found: Iterable[S]) -> Iterator[S]:
    """The first of `found` that fit into one message; at least one, slimmed if need be."""
    left = ROOM_BYTES
    is_first = True
    for one in found:
        size = len(_ENCODER.encode(one)) + 1
        # At least one: after an empty page the next one would begin at the same place.
        if size > left and is_first:
            yield slimmed(one)
            return
        if size > left:
            return
        yield one
        left -= size
        is_first = False


def slimmed(value: S) -> S:
    """`value` slimmed until it fits into a message, as even a row of MAX_FINDINGS does."""
    found = value
    for characters in SLIM_CHARACTERS:
        found = slim(value, characters)
        if len(_ENCODER.encode(found)) < ROOM_BYTES:
            break
    return found


def slim(value: S, characters: int = SLIM_CHARACTERS[0]) -> S:
    """`value` without evidence and labels and with short texts, in its parts too."""
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if name == "evidence":
            changes[name] = ()
        elif name == "labels":
            changes[name] = {}
        elif name == "remediation":
            changes[name] = remedy.text_at_most(cast("Remediable", value), characters)
        elif type(part) is str:
            changes[name] = part[:characters]
        elif isinstance(part, Fix):
            # Without its statements if it is longer: half of one must not be run.
            changes[name] = slim(remedy.at_most(part, characters) or part, characters)
        elif isinstance(part, msgspec.Struct):
            changes[name] = slim(part, characters)
        elif isinstance(part, tuple):
            parts = cast("tuple[object, ...]", part)
            changes[name] = tuple(
                slim(one, characters) if isinstance(one, msgspec.Struct) else one for one in parts
            )
    return msgspec.structs.replace(value, **changes)


def encode_cursor(place: Sequence[str | int]) -> str:
    """A place in a list as an opaque text, from which the next page begins."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def decode_cursor(text: str, kind: type[T]) -> T | None:
    """The place in `text`, as a value of `kind`; None if it is empty.

    Raises RequestError for a text that `encode_cursor` did not make of a place of that kind.
    """
    if not text:
        return None
    try:
        # Cut first: whoever asks chooses the length of this text.
        padded = text[:MAX_CURSOR].encode("ascii") + b"=" * (-len(text) % 4)
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
        return msgspec.json.decode(data, type=kind)
    except (ValueError, *UNDECODABLE) as error:
        what = f"after is {text!r:.40}, expected next of the page before"
        raise request_error(ErrorCode.BAD_REQUEST, what) from error
