"""The named statements of queries.sql on one connection, and rows as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from stt_coordinator.store.rows import Columns, unpacked
from stt_shared import sqlfile

S = TypeVar("S", bound=msgspec.Struct)
_SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "queries.sql")


class Statements:
    """The named statements on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **parameters: object) -> sqlite3.Cursor:
        return self._connection.execute(_SQL[name], parameters)

    def _each(self, name: str, parameters: Iterable[Columns]) -> None:
        self._connection.executemany(_SQL[name], parameters)

    def _all(self, kind: type[S], name: str, **parameters: object) -> list[S]:
        return [unpacked(kind, data) for (data,) in self._run(name, **parameters)]

    def _one(self, kind: type[S], name: str, **parameters: object) -> S | None:
        found = self._run(name, **parameters).fetchone()
        return None if found is None else unpacked(kind, found[0])
