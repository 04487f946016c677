"""The report of `stt store copy`: what was copied, and the digests by which it was verified."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import msgspec

from stt_coordinator.store.copying.port import Row

_DIGEST_BITS = 256
_ENCODER = msgspec.msgpack.Encoder()


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """A table of which source and copy have the same rows."""

    table: str
    rows: int
    copied: int  # by this command; the others were there
    digest: str  # SHA-256 of each row, added up: rows in any order have the same
    replaced: dict[str, int] = {}  # values whose NUL characters became U+FFFD, by column


class CopyReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole copy; the last positions of tables are compared as well."""

    source: str  # place without user and password
    target: str
    store: str  # id of the store, which the copy has too
    version: int  # of the schema
    rows: int
    copied: int
    tables: tuple[TableReport, ...]
    schema: str = "stt.store-copy/v1"


class Digest:
    """The number of rows and their digest, which does not depend on their order."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = 0
        self._sum = 0
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Count `row` in."""
        self.rows += 1
        hashed = hashlib.sha256(_ENCODER.encode(row)).digest()
        self._sum = (self._sum + int.from_bytes(hashed)) % (1 << _DIGEST_BITS)

    def __str__(self) -> str:
        return f"{self._sum:0{_DIGEST_BITS // 4}x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, str(self)) == (other.rows, str(other))

    def __hash__(self) -> int:
        return hash((self.rows, self._sum))


class Replaced:
    """How many values of each column a target stores otherwise."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._number: Counter[str] = Counter()

    def note(self, row: Row, stored: Row) -> None:
        """Compare a row with what the target stores of it."""
        if row is not stored and row != stored:
            self._number.update(
                column
                for column, before, after in zip(self._columns, row, stored, strict=True)
                if before != after
            )

    def by_column(self) -> dict[str, int]:
        """The number of changed values by column."""
        return dict(sorted(self._number.items()))
