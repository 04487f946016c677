"""The port of a store that nobody uses while it is copied: its tables, rows and positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Row = tuple[object, ...]  # str, bytes, int or None; a boolean is 0 or 1
Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the store; `key` are the places of its primary key among the columns."""

    name: str
    columns: tuple[str, ...]  # by name
    key: tuple[int, ...]

    def key_columns(self) -> list[str]:
        """The columns of the primary key, in its order."""
        return [self.columns[place] for place in self.key]

    def key_of(self, row: Row) -> Key:
        """The primary key of `row`; keys are ordered as both databases order them."""
        return tuple(_key_part(row[place]) for place in self.key)


def _key_part(value: object) -> str | int:
    if isinstance(value, str | int):
        return value
    raise TypeError(f"a key contains {type(value).__name__}")


class Source(Protocol):
    """A store that is read as a whole; each method raises the error of its database."""

    @property
    def place(self) -> str:
        """Where it is, without user and password."""
        ...

    @property
    def identity(self) -> str:
        """The random id of the store."""
        ...

    def tables(self) -> Mapping[str, Table]:
        """Every table with the rows of the store, by name."""
        ...

    def count(self, table: Table) -> int:
        """The number of rows."""
        ...

    def rows(self, table: Table) -> Iterator[Row]:
        """All rows by primary key. Only one table is read at a time."""
        ...

    def last_positions(self) -> dict[str, int]:
        """The last position that each table gave a row, by table; never given: not there.

        The row may be deleted: a position is never given again, readers remember it.
        """
        ...


class Target(Source, Protocol):
    """A copy, which no coordinator sees until it is finished."""

    @property
    def is_complete(self) -> bool:
        """Whether it was finished by an earlier command; then nothing may be written."""
        ...

    def storable(self, row: Row) -> Row:
        """`row` as this database stores it."""
        ...

    def last_key(self, table: Table) -> Key | None:
        """The greatest primary key; None: the table is empty."""
        ...

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows: all of them or none, durably."""
        ...

    def clear(self, table: Table) -> None:
        """Delete all rows."""
        ...

    def put_last_positions(self, positions: Mapping[str, int]) -> None:
        """Give no position up to these again."""
        ...

    def finish(self) -> None:
        """Make it the store of its place, in one step."""
        ...
