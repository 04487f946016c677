"""Portable statements become PostgreSQL's, and many rows one statement in a safe order."""

from __future__ import annotations

import pytest

from stt_coordinator.store.postgresql.dialect import (
    Insert,
    many,
    rows_to_insert,
    storable,
    translated,
)
from stt_coordinator.store.postgresql.schema import migrations, newest
from stt_coordinator.store.sqlite.dialect import with_hints
from stt_coordinator.store.sqlite.file.folder import SCHEMA

HINTED = "SELECT 1 FROM t /*sqlite INDEXED BY i */ WHERE /*sqlite + */a = :a"
TYPES = {("t", "a"): "text", ("t", "b"): "bigint", ("jobs", "a"): "text", ("jobs", "b"): "bytea"}


def test_hints_are_for_sqlite_alone() -> None:
    assert translated(HINTED) == b"SELECT 1 FROM t  WHERE a = %(a)s"
    assert with_hints(HINTED) == "SELECT 1 FROM t INDEXED BY i WHERE + a = :a".replace("+ a", "+a")


def test_many_rows_are_one_statement_with_typed_arrays_in_their_order() -> None:
    sql = "INSERT INTO t (a, b) VALUES (:a, :b) ON CONFLICT (a) DO UPDATE SET b = excluded.b"
    found = many(sql, TYPES)
    assert found is not None
    assert found.sql.decode() == (
        "INSERT INTO t (a, b) SELECT given.a, given.b FROM unnest(%(a)b::text[], %(b)b::bigint[])"
        " WITH ORDINALITY AS given (a, b, place_) ORDER BY place_"
        " ON CONFLICT (a) DO UPDATE SET b = excluded.b"
    )
    assert found.key == ("a",)
    assert many("DELETE FROM t WHERE a = :a", TYPES) is None


@pytest.mark.parametrize(("is_placed", "order"), [(False, ["x", "y"]), (True, ["y", "x"])])
def test_the_last_row_of_a_key_stands_and_rows_come_in_order(
    *, is_placed: bool, order: list[str]
) -> None:
    insert = Insert(sql=b"", names=("a", "b"), key=("a",), texts=frozenset(), is_placed=is_placed)
    rows: list[dict[str, object]] = [{"a": "y", "b": 1}, {"a": "x", "b": 2}, {"a": "y", "b": 3}]
    found = rows_to_insert(insert, rows)
    assert [row["a"] for row in found] == order
    assert {row["a"]: row["b"] for row in found} == {"y": 3, "x": 2}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\0b", "a\ufffdb"),
        (r'["\u0000"]', r'["\ufffd"]'),
        (r'["\\u0000"]', r'["\\u0000"]'),
        (r'["\\\u0000"]', r'["\\\ufffd"]'),
        (b"\0", b"\0"),
        (7, 7),
    ],
)
def test_nul_is_replaced_in_texts_and_in_json_but_not_in_bytes(
    value: object, stored: object
) -> None:
    assert storable(value) == stored


def test_both_databases_are_at_the_same_migration() -> None:
    assert newest() == SCHEMA.version
    assert sorted(migrations()) == list(range(min(migrations()), newest() + 1))
