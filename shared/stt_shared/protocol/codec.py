"""Encode messages as JSON and decode them; invalid bytes raise ProtocolError."""

from __future__ import annotations

import re
from functools import cache
from typing import TypeVar

import msgspec

from stt_shared.errors import ProtocolError
from stt_shared.protocol import ranges
from stt_shared.protocol.messages import Value

M = TypeVar("M", bound=Value)

MAX_MESSAGE_BYTES = 900 * 1024  # below the 1 MiB that a nats-server takes by default
_SCHEMA = re.compile(r"(?P<name>stt\.[a-z.-]+)/v(?P<major>[0-9]{1,4})")
_ENCODER = msgspec.json.Encoder()
# What bytes of any kind make a decoder raise. RecursionError: nested deeper than the stack.
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Header(msgspec.Struct):
    schema: str


_HEADER = msgspec.json.Decoder(_Header)


@cache  # reading the fields of a type takes longer than decoding a message
def schema_of(kind: type[Value]) -> str:
    """The schema that a message of `kind` carries, `stt.<name>/v<major>`.

    Raises TypeError for a type that is only a part of messages.
    """
    for field in msgspec.structs.fields(kind):
        if field.name == "schema":
            return str(field.default)
    msg = f"{kind.__name__} is part of a message and has no schema"
    raise TypeError(msg)


@cache
def _decoder(kind: type[M]) -> msgspec.json.Decoder[M]:
    return msgspec.json.Decoder(kind)


def encode(message: Value) -> bytes:
    """`message` as JSON; raises ProtocolError `too_large` above MAX_MESSAGE_BYTES."""
    data = _ENCODER.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError("too_large", _too_large(type(message).__name__, len(data)))
    return data


def decode(kind: type[M], data: bytes) -> M:
    """The message of `kind` in `data`.

    Raises ProtocolError with code `too_large`, `malformed`, `wrong_schema` or `newer_major`.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError("too_large", _too_large(kind.__name__, len(data)))
    _check_schema(kind, data)
    try:
        message: M = _decoder(kind).decode(data)
    except UNDECODABLE as error:
        raise ProtocolError("malformed", f"not a {schema_of(kind)} message: {error}") from error
    if what := ranges.fault(message):
        raise ProtocolError("malformed", f"not a {schema_of(kind)} message: {what}")
    return message


def _check_schema(kind: type[Value], data: bytes) -> None:
    expected = schema_of(kind)
    try:
        found = _HEADER.decode(data).schema
    except UNDECODABLE as error:
        raise ProtocolError("malformed", f"not a {expected} message: {error}") from error
    name, _, major = expected.partition("/v")
    match = _SCHEMA.fullmatch(found)
    if match is None or match["name"] != name:
        raise ProtocolError("wrong_schema", f"schema is {found[:80]!r}, expected {expected!r}")
    if int(match["major"]) > int(major):
        raise ProtocolError(
            "newer_major",
            f"schema is {found!r}, this version understands up to v{major}",
            hint="upgrade this side: coordinator first, then the workers",
        )


def _too_large(name: str, size: int) -> str:
    return f"{name} has {size} bytes, the limit is {MAX_MESSAGE_BYTES}"
