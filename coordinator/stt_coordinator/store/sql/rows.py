"""Values in columns: a row as JSON, texts that sort, lists for json_each()."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from stt_shared import clock

S = TypeVar("S", bound=msgspec.Struct)
Columns = dict[str, object]
LAST_NUMBER = 2**63 - 1  # of a column of integers
LAST_CHARACTER = "\U0010ffff"  # sorts after every text that goes on from a prefix

_ENCODER = msgspec.json.Encoder()
_DECODERS: dict[type[msgspec.Struct], msgspec.json.Decoder[msgspec.Struct]] = {}


def packed(value: object) -> bytes:
    """`value` as JSON."""
    return _ENCODER.encode(value)


def unpacked(kind: type[S], data: bytes) -> S:
    """The value of `kind` in a `data` column."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    value = decoder.decode(data)
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


def listed(values: Iterable[object]) -> str:
    """Values as the JSON array that json_each() takes apart."""
    return _ENCODER.encode(list(values)).decode()


def text(at: datetime | None) -> str:
    """An instant as a column that sorts; empty for none."""
    return clock.to_text(at) if at is not None else ""
