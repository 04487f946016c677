"""Pages of replies: as many rows as were asked for and as one message holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import msgspec

from stt_shared.protocol.codec import MAX_MESSAGE_BYTES

MAX_ROWS = 1_000  # of any page, whatever is asked for
ROOM_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # for rows; the rest is for what stands around them
_ENCODER = msgspec.json.Encoder()

S = TypeVar("S", bound=msgspec.Struct)


def rows(asked: int) -> int:
    """A number of rows that a page may have."""
    return max(1, min(asked, MAX_ROWS))


def fitting(found: Iterable[S]) -> Iterator[S]:
    """The first of `found` that fit into one message; at least one, slimmed if need be."""
    left = ROOM_BYTES
    is_first = True
    for one in found:
        size = len(_ENCODER.encode(one)) + 1
        if size > left and is_first:
            yield slim(one)
            return
        if size > left:
            return
        yield one
        left -= size
        is_first = False


SLIM_CHARACTERS = 4_096


def slim(value: S) -> S:
    """`value` without evidence and labels and with short texts, in its parts too."""
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if name == "evidence":
            changes[name] = ()
        elif name == "labels":
            changes[name] = {}
        elif type(part) is str:
            changes[name] = part[:SLIM_CHARACTERS]
        elif isinstance(part, msgspec.Struct):
            changes[name] = slim(part)
        elif isinstance(part, tuple):
            parts = cast("tuple[object, ...]", part)
            changes[name] = tuple(
                slim(one) if isinstance(one, msgspec.Struct) else one for one in parts
            )
    return msgspec.structs.replace(value, **changes)
