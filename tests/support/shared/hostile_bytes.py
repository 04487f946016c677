"""Bytes that are almost messages: every kind of message with every value replaced by a bad one."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from stt_shared import protocol
from stt_shared.protocol.codec import schema_of
from stt_shared.protocol.messages import Value

DEPTHS = (65, 500, 950, 1_000, 20_000)  # the stack ends near 1,000
MANY = 10**30
DIGITS = 5_000  # more than int() reads
LEAVES: tuple[str, ...] = (
    "null",
    "[]",
    "{}",
    '""',
    "true",
    "-0.0",
    "1e400",
    str(MANY),
    str(-MANY),
    "9" * DIGITS,
    '"\\ud800"',
    '"\\u0000"',
    '"../../x"',
    '"*.>"',
    '"0001-01-01T00:00:00+23:59"',
    '"9999-12-31T23:59:59-23:59"',
    '"2026-02-30T00:00:00Z"',
    '"9999-12-31"',
    '"0001-01-01"',
    "[" * 900 + "]" * 900,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
)
NO_MESSAGES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"null",
    b"[]",
    b"NaN",
    b'{"schema": 1}',
    b'{"schema": "\\ud800"}',
    b'{"schema": "stt.nothing/v1"}',
    *(b"[" * depth for depth in DEPTHS),
    *(b"[" * depth + b"]" * depth for depth in DEPTHS),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in DEPTHS),
)


def kinds() -> list[type[Value]]:
    """Every kind of message of the protocol."""
    for module in pkgutil.walk_packages(protocol.__path__, f"{protocol.__name__}."):
        importlib.import_module(module.name)
    return sorted(filter(_is_message, _below(Value)), key=lambda kind: kind.__name__)


def _below(kind: type[Value]) -> Iterator[type[Value]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _is_message(kind: type[Value]) -> bool:
    return any(field.name == "schema" for field in msgspec.structs.fields(kind))


def example(kind: type[Value]) -> dict[str, Any]:
    """A message of `kind` as JSON values, with something in every field."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return _struct(info) | {"schema": schema_of(kind)}


def _struct(info: inspect.StructType) -> dict[str, Any]:
    return {one.encode_name: _value(one.type) for one in info.fields}


def _value(info: inspect.Type) -> Any:  # noqa: C901, PLR0911  # one answer a type
    match info:
        case inspect.StructType():
            return _struct(info)
        case inspect.VarTupleType() | inspect.ListType():
            return [_value(info.item_type)]
        case inspect.DictType():
            return {"a": _value(info.value_type)}
        case inspect.UnionType():
            return _value(next(one for one in info.types if not isinstance(one, inspect.NoneType)))
        case inspect.EnumType():
            return next(iter(info.cls)).value
        case inspect.LiteralType():
            return info.values[0]
        case inspect.DateTimeType():
            return "2026-01-02T03:04:05Z"
        case inspect.DateType():
            return "2026-01-02"
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.BoolType():
            return True
        case _:
            return "a"


def corpus(kind: type[Value], **fields: object) -> Iterator[bytes]:
    """Bytes that are no message of `kind`, or one with a single bad value; `fields` are kept."""
    yield from NO_MESSAGES
    whole = example(kind) | fields
    text = json.dumps(whole)
    yield text[: len(text) // 2].encode()
    for path in _paths(whole):
        if path[0] in fields or path == ("schema",):
            continue
        for leaf in LEAVES:
            yield _replaced(whole, path, leaf).encode()
    for leaf in LEAVES:  # in a field that nobody knows
        yield f'{{"unknown": {leaf}, {text[1:]}'.encode()


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*path, place))


def _replaced(whole: dict[str, Any], path: tuple[str | int, ...], leaf: str) -> str:
    """`whole` as text with `leaf`, which may be no JSON, at `path`."""
    mark = "@@here@@"
    copy = json.loads(json.dumps(whole))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = mark
    return json.dumps(copy).replace(f'"{mark}"', leaf)
