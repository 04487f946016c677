"""The portable statements as PostgreSQL takes them, and many rows in one statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg

from stt_coordinator.store.sql.rows import Columns

Cursor = psycopg.Cursor[tuple[Any, ...]]
Types = Mapping[tuple[str, str], str]  # of a column of a table, as PostgreSQL names it
_COMMENT = re.compile(r"/\*.*?\*/")
_NAME = re.compile(r"(?<!:):([a-z_]+)")
_AMONG = re.compile(r"IN \(SELECT value FROM json_each\((:[a-z_]+)\)\)")
_INSERT = re.compile(r"INSERT INTO (\w+)\s*\(([^)]*)\)\s*VALUES\s*\(([^)]*)\)\s*(.*)", re.DOTALL)
_KEY = re.compile(r"ON CONFLICT \(([^)]*)\)")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
# Rows of these tables get positions, in the order in which they are given.
_PLACED = frozenset({"jobs", "history", "outbox", "audit", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """An INSERT of many rows: its text, the parameters of a row, and those that are its key."""

    sql: bytes
    names: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str]  # parameters of columns with text
    is_placed: bool


@cache
def translated(sql: str) -> bytes:
    """A portable statement without hints, with psycopg's parameters."""
    # As an array: the planner takes a subquery for half of the table, and reads all of it.
    among = _AMONG.sub(r"= ANY (ARRAY(SELECT value FROM json_each(\1)))", _COMMENT.sub("", sql))
    return _NAME.sub(r"%(\1)s", among).encode()


class PostgresqlConnection:
    """Runs portable statements on a connection; `types` are those of the store's columns."""

    def __init__(self, connection: psycopg.Connection, types: Types) -> None:
        self._connection = connection
        self._types = types

    def execute(self, sql: str, parameters: Mapping[str, object], /) -> Cursor:
        """Run one statement; raises psycopg.Error."""
        values = {name: storable(value) for name, value in parameters.items()}
        return self._connection.execute(translated(sql), values, binary=True)

    def executemany(self, sql: str, parameters: Iterable[Columns], /) -> None:
        """Insert rows by one statement; raises psycopg.Error."""
        insert = many(sql, self._types)
        if insert is None:
            for one in parameters:
                self.execute(sql, one)
            return
        rows = rows_to_insert(insert, parameters)
        if rows:
            columns = {
                name: _storable_column([row[name] for row in rows], is_text=name in insert.texts)
                for name in insert.names
            }
            self._connection.execute(insert.sql, columns)


def rows_to_insert(insert: Insert, parameters: Iterable[Columns]) -> list[Columns]:
    """The rows to be sent: of several with the same key the last, as PostgreSQL demands.

    In order of the key, so that two writers of the same rows never wait for each other; rows that
    get positions stay in their own order.
    """
    if not insert.key:
        return list(parameters)
    found = {tuple(row[name] for name in insert.key): row for row in parameters}
    if insert.is_placed:
        return list(found.values())
    return [found[key] for key in sorted(found)]


_MANY: dict[str, Insert | None] = {}


def many(sql: str, types: Types) -> Insert | None:
    """The statement that inserts many rows as arrays; None if `sql` inserts nothing."""
    if sql not in _MANY:
        _MANY[sql] = _many(sql, types)
    return _MANY[sql]


def _many(sql: str, types: Types) -> Insert | None:
    match = _INSERT.fullmatch(_COMMENT.sub("", sql))
    if match is None:
        return None
    table, columns, values, rest = match.groups()
    names = tuple(_NAME.findall(values))
    named = dict(zip(re.findall(r"\w+", columns), names, strict=True))
    key = _KEY.match(rest)
    # %b: arrays in binary form are read 2.4 times as fast as in text form.
    arrays = ", ".join(f"%({name})b::{types[table, column]}[]" for column, name in named.items())
    selected = ", ".join(f"given.{name}" for name in names)
    text = (
        f"INSERT INTO {table} ({columns}) SELECT {selected} FROM unnest({arrays})"
        f" WITH ORDINALITY AS given ({', '.join(names)}, place_) ORDER BY place_ {rest}"
    )
    return Insert(
        sql=text.encode(),
        names=names,
        key=tuple(named[column] for column in re.findall(r"\w+", key[1])) if key else (),
        texts=frozenset(name for column, name in named.items() if types[table, column] == "text"),
        is_placed=table in _PLACED,
    )


def storable(value: object) -> object:
    """`value` without NUL, which PostgreSQL stores in no text; also not as JSON writes it."""
    if not isinstance(value, str) or ("\0" not in value and "\\u0000" not in value):
        return value
    return _ESCAPED_NUL.sub(r"\1\\ufffd", value.replace("\0", "\ufffd"))


def _storable_column(values: list[Any], *, is_text: bool) -> list[Any]:
    """The values of a column; one look at all texts together costs less than one at each."""
    if not is_text:
        return values
    together = "".join(values)
    if "\0" not in together and "\\u0000" not in together:
        return values
    return [storable(value) for value in values]
