"""Whatever a driver brings, scripts get plain values that JSON can carry."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from bson import Binary, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.protocol.enums import Kind
from stt_worker.databases.bounds import bounded
from stt_worker.databases.mongodb.values import document, plain
from stt_worker.databases.port import Failure, Limits
from stt_worker.databases.postgresql.values import instant
from stt_worker.databases.values import nanoseconds, number, text


@given(st.binary(max_size=64))
def test_any_bytes_become_text_that_json_can_carry(raw: bytes) -> None:
    assert msgspec.json.decode(msgspec.json.encode(text(raw))) == text(raw)


@given(st.text(max_size=64).filter(lambda s: "\\" not in s))
def test_utf8_is_kept_as_it_is(written: str) -> None:
    assert text(written.encode("utf-8", "ignore")) == written.encode("utf-8", "ignore").decode()


@given(st.floats())
def test_any_float_survives_json_or_becomes_its_word(value: float) -> None:
    found = number(value)
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert isinstance(found, str) != math.isfinite(value)


def test_dates_are_nanoseconds_in_utc() -> None:
    assert nanoseconds(date(1970, 1, 2)) == 86_400 * 10**9
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 5)) == 10**9 + 5_000  # noqa: DTZ001  # on purpose
    assert nanoseconds(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)) == -(10**9)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1970-01-01 00:00:00", 0),
        ("1970-01-01", 0),
        ("1970-01-01 01:00:00+01", 0),
        ("1970-01-01 05:30:00.5+05:30", 500_000_000),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 BC", "0044-03-15 BC"),
        ("20000-01-01 00:00:00+00", "20000-01-01 00:00:00+00"),
    ],
)
def test_instants_of_postgresql(written: str, expected: int | str) -> None:
    assert instant(written) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (Int64(2**40), 2**40),
        (1.0, 1.0),
        (float("inf"), "inf"),
        ("text", "text"),
        (ObjectId("64b7f0c2a1b2c3d4e5f60718"), "64b7f0c2a1b2c3d4e5f60718"),
        (DatetimeMS(1_500), 1_500_000_000),
        (DatetimeMS(2**62), 2**62 * 1_000_000),
        (Timestamp(2, 9), 2_000_000_000),
        (Decimal128("1.50"), "1.50"),
        (b"\x00\xff", "00ff"),
        (Binary(b"\x01" * 16, 4), "01010101-0101-0101-0101-010101010101"),
        (Binary(b"\x01", 4), "01"),
        (Regex("^a"), str(Regex("^a"))),
        (MaxKey(), "MaxKey()"),
        ({"a": [Int64(1), {"b": b"\x01"}]}, {"a": [1, {"b": "01"}]}),
    ],
)
def test_bson_becomes_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_the_gossip_of_a_cluster_is_left_out() -> None:
    reply = {"ok": 1.0, "$clusterTime": {"signature": {"hash": b"x"}}, "operationTime": 1}
    assert document(reply) == {"ok": 1.0}


@given(st.integers(0, 20), st.integers(0, 2_000))
def test_rows_are_kept_whole_or_refused(rows: int, size: int) -> None:
    limits = Limits(rows=10, bytes=1_000)
    given_rows = [{"x": "y" * size}] * rows
    found = bounded(given_rows, limits)
    fits = rows <= 10 and len(msgspec.json.encode(given_rows)) <= 1_000
    assert (found is given_rows) == fits
    if isinstance(found, Failure):
        assert found.kind is Kind.TOO_LARGE
