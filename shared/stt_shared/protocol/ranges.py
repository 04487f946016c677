"""Limits of decoded values: integers that a store holds, instants that arithmetic survives, depth.

JSON allows more than the rest of the code can compute with or write again: integers of thousands
of digits, instants that overflow in another zone, and nesting that ends in a RecursionError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import inspect

SMALLEST, GREATEST = -(2**63), 2**63 - 1  # what a column of SQLite and PostgreSQL holds
FIRST_YEAR, LAST_YEAR = 1900, 9000  # far from the ends, so that a sum with a duration is an instant
MAX_DEPTH = 64  # levels of a value without a type; a deeper one could not be read from the store

Check = Callable[[Any], str]  # what is wrong with a value; empty: nothing


def fault(message: msgspec.Struct) -> str:
    """The first value in `message` outside its limits, as text; empty if there is none."""
    return _struct(type(message))(message)


@cache  # reading the fields of a type takes longer than checking a message
def _struct(kind: type[msgspec.Struct]) -> Check:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101  # for the type checker
    checks = [(one.name, check) for one in info.fields if (check := _check(one.type)) is not None]

    def check_fields(value: msgspec.Struct) -> str:
        for name, check in checks:
            found = getattr(value, name)
            if found is not None and found is not msgspec.UNSET and (what := check(found)):
                return f"{name}: {what}" if check in _LEAVES else f"{name}.{what}"
        return ""

    return check_fields


def _check(info: inspect.Type) -> Check | None:
    """How values of a type are checked; None if no value of it can be wrong."""
    check: Check | None = None
    if isinstance(info, inspect.IntType):
        check = _integer
    elif isinstance(info, inspect.DateTimeType | inspect.DateType):
        check = _instant
    elif isinstance(info, inspect.AnyType):
        check = _untyped
    elif isinstance(info, inspect.StructType):
        check = _struct(info.cls) if any(_check(one.type) for one in info.fields) else None
    elif isinstance(info, inspect.UnionType):
        check = next(filter(None, map(_check, info.types)), None)
    elif isinstance(info, inspect.VarTupleType | inspect.ListType):
        check = _of_each(_check(info.item_type))
    elif isinstance(info, inspect.DictType):
        check = _of_each_value(_check(info.value_type))
    return check


def _of_each(check: Check | None) -> Check | None:
    if check is None:
        return None

    def check_each(found: Iterable[object]) -> str:
        for one in found:
            if what := check(one):
                return what
        return ""

    return check_each


def _of_each_value(check: Check | None) -> Check | None:
    each = _of_each(check)
    if each is None:
        return None

    def check_values(found: Mapping[str, object]) -> str:
        return each(found.values())

    return check_values


def _integer(value: int) -> str:
    return "" if SMALLEST <= value <= GREATEST else "an integer of more than 64 bits"


def _instant(value: date) -> str:
    within = FIRST_YEAR <= value.year <= LAST_YEAR
    return "" if within else f"year {value.year} is not from {FIRST_YEAR} to {LAST_YEAR}"


def _untyped(value: Any) -> str:
    """Level by level and without recursion: this is what looks for nesting."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += cast("dict[str, Any]", one).values()
            elif isinstance(one, list):
                inner += one
            elif type(one) is int and (what := _integer(one)):
                return what
        if not inner:
            return ""
        level = inner
    return f"nested deeper than {MAX_DEPTH} levels"


_LEAVES = (_integer, _instant, _untyped)
