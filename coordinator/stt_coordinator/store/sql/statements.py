"""The named statements of one aggregate on one connection, and rows as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from stt_coordinator.store.sql.rows import Columns, unpacked
from stt_shared import sqlfile

S = TypeVar("S", bound=msgspec.Struct)


class Rows(Protocol):
    """What a statement found, in its order; an error of the database may come as late as here."""

    def fetchone(self) -> Any:  # a tuple as the statement selects it
        """The next row; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection inside a transaction; it takes the portable text of sql/queries.

    Values are `:name`. A hint in a comment that begins with `sqlite` is for that planner alone.
    """

    def execute(self, sql: str, parameters: Mapping[str, object], /) -> Rows:
        """Run one statement; raises the error of the database."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Columns], /) -> object:
        """Insert rows; of several with the same key the last one stands."""
        ...


def queries(aggregate: str) -> dict[str, str]:
    """The statements of `sql/queries/<aggregate>.sql` by name."""
    return sqlfile.statements(
        sqlfile.folder("stt_coordinator.store") / "queries" / f"{aggregate}.sql"
    )


class Statements:
    """The statements `sql` on one connection; runs in the thread of the store."""

    sql: ClassVar[Mapping[str, str]]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **parameters: object) -> Rows:
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
