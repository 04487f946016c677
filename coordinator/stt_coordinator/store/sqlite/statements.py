"""The named statements of one aggregate on one connection, and rows as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import ClassVar, TypeVar

import msgspec

from stt_coordinator.store.sqlite.rows import Columns, unpacked
from stt_shared import sqlfile

S = TypeVar("S", bound=msgspec.Struct)


def queries(aggregate: str) -> dict[str, str]:
    """The statements of `sql/queries/<aggregate>.sql` by name."""
    return sqlfile.statements(
        sqlfile.folder("stt_coordinator.store") / "queries" / f"{aggregate}.sql"
    )


class Statements:
    """The statements `sql` on one connection; runs in the thread of the store."""

    sql: ClassVar[Mapping[str, str]]

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **parameters: object) -> sqlite3.Cursor:
        return self._connection.execute(self.sql[name], parameters)

    def _each(self, name: str, parameters: Iterable[Columns]) -> None:
        self._connection.executemany(self.sql[name], parameters)

    def _all(self, kind: type[S], name: str, **parameters: object) -> list[S]:
        return [unpacked(kind, data) for (data,) in self._run(name, **parameters)]

    def _one(self, kind: type[S], name: str, **parameters: object) -> S | None:
        found = self._run(name, **parameters).fetchone()
        return None if found is None else unpacked(kind, found[0])

    def _number(self, name: str, **parameters: object) -> int:
        return int(self._run(name, **parameters).fetchone()[0])
