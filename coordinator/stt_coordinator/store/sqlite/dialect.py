"""The portable statements as SQLite takes them: with the hints for its planner."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from functools import cache

from stt_coordinator.store.sql.rows import Columns

_HINT = re.compile(r"/\*sqlite (.*?) ?\*/")


@cache
def with_hints(sql: str) -> str:
    """A portable statement, with what its `sqlite` comments say as a part of it."""
    return _HINT.sub(r"\1", sql)


class SqliteConnection:
    """Runs portable statements on a connection to SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Mapping[str, object], /) -> sqlite3.Cursor:
        """Run one statement; raises sqlite3.Error."""
        return self._connection.execute(with_hints(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Columns], /) -> None:
        """Run a statement for each row; raises sqlite3.Error."""
        self._connection.executemany(with_hints(sql), parameters)
