"""Replies of the MySQL protocol: whole however they are cut, bounded, and refused when broken."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql import err
from pymysql.constants import FIELD_TYPE

from stt_worker.databases.mysql.replies import (
    Budget,
    Replies,
    Reply,
    TooManyPacketsError,
    TooMuchError,
)

STATUS = 0x2022
NAMES = st.text(min_size=1, max_size=20)
TEXTS = st.none() | st.text(max_size=300)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def length(size: int) -> bytes:
    if size < 0xFB:
        return bytes([size])
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size)
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3]
    return b"\xfe" + struct.pack("<Q", size)


def text(value: bytes) -> bytes:
    return length(len(value)) + value


def column(name: str, kind: int) -> bytes:
    names = [b"def", b"db", b"table", b"table", name.encode(), b""]
    described = struct.pack("<HIBHB", 45, 255, kind, 0, 0) + b"\0\0"
    return b"".join(map(text, names)) + b"\x0c" + described


def packets(bodies: list[bytes]) -> bytes:
    return b"".join(
        struct.pack("<I", len(body))[:3] + bytes([number & 0xFF]) + body
        for number, body in enumerate(bodies, start=1)
    )


def end() -> bytes:
    return b"\xfe\0\0" + struct.pack("<H", STATUS)


def kind_of(values: list[Any]) -> int:
    return FIELD_TYPE.LONGLONG if isinstance(values[0], int) else FIELD_TYPE.VAR_STRING


def value(one: object) -> bytes:
    return b"\xfb" if one is None else text(str(one).encode())


def reply(names: list[str], rows: list[list[Any]]) -> bytes:
    kinds = [kind_of([row[at] for row in rows] or [None]) for at in range(len(names))]
    bodies = [length(len(names)), *(column(*one) for one in zip(names, kinds, strict=True)), end()]
    bodies += [b"".join(map(value, row)) for row in rows]
    return packets([*bodies, end()])


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def reading(data: bytes, sizes: list[int] | None = None, budget: Budget | None = None) -> Replies:
    parts = iter([part for part in cut(data, sizes or []) if part])
    return Replies(lambda: next(parts, b""), budget or Budget(1 << 30, 1 << 20))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    kinds = [draw(st.sampled_from([TEXTS, NUMBERS])) for _ in names]
    amount = draw(st.integers(0, 4))
    return names, [[draw(kind) for kind in kinds] for _ in range(amount)]


@given(tables(), st.lists(st.integers(1, 60), max_size=40))
def test_a_reply_is_the_same_however_it_is_cut(
    table: tuple[list[str], list[list[Any]]], sizes: list[int]
) -> None:
    names, rows = table
    data = reply(names, rows)
    once = reading(data + reply(["x"], [["next"]]), sizes)
    expected = reading(data).next()
    assert once.next() == expected
    assert once.next() == Reply([{"x": "next"}], STATUS)
    assert [list(row) for row in expected.rows] == [names] * len(rows)
    assert [list(row.values()) for row in expected.rows] == rows


@given(tables())
def test_a_reply_with_known_columns_is_read_and_counted_as_the_first_time(
    table: tuple[list[str], list[list[Any]]],
) -> None:
    names, rows = table
    data = reply(names, rows)
    packets_of_it = 3 + len(names) + len(rows)
    for _ in range(3):
        budget = Budget(len(data), packets_of_it)
        found = reading(data, budget=budget).next()
        assert [list(row.values()) for row in found.rows] == rows
        assert budget.spent == len(data)
        with pytest.raises(TooManyPacketsError):
            reading(data, budget=Budget(len(data), packets_of_it - 1)).next()
        with pytest.raises(TooMuchError):
            reading(data, budget=Budget(len(data) - 1, packets_of_it)).next()


def test_replies_whose_columns_begin_alike_keep_their_own_types() -> None:
    names = ["a_name_that_fills_the_beginning", "b"]
    texts, numbers = reply(names, [["x", "1"]]), reply(names, [["x", 1]])
    for _ in range(2):
        assert reading(texts).next().rows == [{names[0]: "x", "b": "1"}]
        assert reading(numbers).next().rows == [{names[0]: "x", "b": 1}]


@given(st.binary(max_size=200), st.lists(st.integers(1, 9), max_size=20))
def test_no_bytes_make_anything_but_a_reply_or_a_known_error(data: bytes, sizes: list[int]) -> None:
    known = (err.Error, TooMuchError, ValueError, IndexError, struct.error)
    try:
        found = reading(data, sizes).next()
    except known:
        return
    assert isinstance(found, Reply)


def test_a_reply_that_ends_early_is_a_lost_connection() -> None:
    data = reply(["a"], [["b"]])
    for size in range(len(data)):
        with pytest.raises(err.OperationalError, match="Lost connection"):
            reading(data[:size]).next()


def test_a_message_of_several_packets_is_one() -> None:
    long = "x" * 0x1000010
    first = text(long.encode())
    head = [length(1), column("a", FIELD_TYPE.VAR_STRING), end()]
    data = packets([*head, first[:0xFFFFFF], first[0xFFFFFF:], end()])
    (row,) = reading(data).next().rows
    assert row == {"a": long}


def test_bytes_and_packets_are_counted_before_they_are_read() -> None:
    data = reply(["a"], [["b"]] * 100)
    with pytest.raises(TooMuchError):
        reading(data, budget=Budget(300, 1_000)).next()
    with pytest.raises(TooManyPacketsError):
        reading(data, budget=Budget(1 << 20, 50)).next()
    announced = b"\xff\xff\x7f\x01"
    with pytest.raises(TooMuchError):
        reading(announced, budget=Budget(1 << 20, 10)).next()


def test_a_packet_out_of_order_is_an_error_and_a_shutdown_a_lost_connection() -> None:
    with pytest.raises(err.InternalError, match="got 7 expected 1"):
        reading(b"\x01\0\0\x07\0").next()
    with pytest.raises(err.OperationalError, match="Lost connection"):
        reading(b"\x01\0\0\0\0").next()


def test_an_error_of_the_server_keeps_its_number_and_words() -> None:
    refused = b"\xff" + struct.pack("<H", 1142) + b"#42000SELECT command denied"
    with pytest.raises(err.OperationalError) as caught:
        reading(packets([refused])).next()
    assert caught.value.args == (1142, "SELECT command denied")
