"""Copy a store row by row, go on where an earlier command ended, and compare the copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from stt_coordinator.store.copying.port import Key, Row, Source, Table, Target
from stt_coordinator.store.copying.report import CopyReport, Digest, Replaced, TableReport
from stt_shared import faultpoint
from stt_shared.errors import EXIT_INCOMPLETE, ConfigError, SttError

BATCH_ROWS = 5_000  # of a transaction of the target
BATCH_BYTES = 8 * 1024 * 1024  # rows of results may be large
MID_COPY, BEFORE_FINISH = "mid-store-copy", "before-store-copy-finish"
# What a store has from the moment it is made; it is empty if the other tables are.
MADE_WITH = frozenset(
    {"store_identity", "sequences", "write_epoch", "write_probe", "upgrades", "clock"}
)

Show = Callable[[int, int], None]  # rows done, rows in all


class CopyError(SttError):
    """A copy differs from its source; it is not finished, so no coordinator uses it."""

    exit_code: ClassVar[int] = EXIT_INCOMPLETE


def is_empty(store: Source) -> bool:
    """Whether a store has nothing but what it is made with."""
    others = (one for name, one in store.tables().items() if name not in MADE_WITH)
    return not any(map(store.count, others))


def copy_store(source: Source, target: Target, version: int, show: Show) -> CopyReport:
    """Copy what `target` lacks, compare all of it, and finish it.

    Raises ConfigError if a complete target has something else, and CopyError if the copy differs.
    """
    tables = source.tables()
    if target.tables() != tables:
        raise ConfigError(
            f"the tables of {source.place} and {target.place} differ",
            hint="remove the tables that are not of the store",
        )
    progress = _Progress(sum(map(source.count, tables.values())), show)
    done: list[TableReport] = []
    for table in tables.values():
        copying = _TableCopy(source, target, table, progress)
        done.append(copying.compare() if target.is_complete else copying.copy())
    positions = source.last_positions()
    if not target.is_complete:
        target.put_last_positions(positions)
    if target.last_positions() != positions:
        raise CopyError(f"the positions of {target.place} differ from those of {source.place}")
    if not target.is_complete:
        faultpoint.reach(BEFORE_FINISH)
        target.finish()
    return CopyReport(
        source=source.place,
        target=target.place,
        store=source.identity,
        version=version,
        rows=sum(one.rows for one in done),
        copied=sum(one.copied for one in done),
        tables=tuple(done),
    )


class _Progress:
    """Rows that were read and rows that were compared: each is half of the work."""

    def __init__(self, rows: int, show: Show) -> None:
        self._rows = rows
        self._show = show
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        self._show(min(self._steps // 2, self._rows), self._rows)


class _TableCopy:
    """One table on its way."""

    def __init__(self, source: Source, target: Target, table: Table, progress: _Progress) -> None:
        self._source = source
        self._target = target
        self._table = table
        self._progress = progress
        self._replaced = Replaced(table.columns)

    def copy(self) -> TableReport:
        """Add the rows that the target lacks; raises CopyError if it differs afterwards."""
        wanted, copied = self._send(self._target.last_key(self._table))
        if self._stored() != wanted:
            # A coordinator used the source between two commands: earlier rows are others now.
            self._target.clear(self._table)
            wanted, copied = self._send(None)
            if self._stored() != wanted:
                raise CopyError(
                    f"table {self._table.name} of {self._target.place} differs from its source",
                    hint="somebody else wrote one of them: end that, and copy again",
                )
        return self._report(wanted, copied)

    def compare(self) -> TableReport:
        """Compare only; raises ConfigError if the target has other rows."""
        wanted = Digest()
        for row in self._storable():
            wanted.add(row)
        if self._stored() != wanted:
            raise ConfigError(
                f"{self._target.place} has a store already, and its table {self._table.name} "
                f"differs from that of {self._source.place}",
                hint="a copy overwrites no store: name another place",
            )
        return self._report(wanted, 0)

    def _report(self, wanted: Digest, copied: int) -> TableReport:
        return TableReport(
            table=self._table.name,
            rows=wanted.rows,
            copied=copied,
            digest=str(wanted),
            replaced=self._replaced.by_column(),
        )

    def _send(self, after: Key | None) -> tuple[Digest, int]:
        """Write the rows behind the key `after`; the digest of all rows, and how many were sent."""
        wanted, copied = Digest(), 0
        for batch in _batches(self._counted(wanted, after)):
            self._target.write(self._table, batch)
            copied += len(batch)
            faultpoint.reach(MID_COPY)
        return wanted, copied

    def _counted(self, wanted: Digest, after: Key | None) -> Iterator[Row]:
        for row in self._storable():
            wanted.add(row)
            if after is None or self._table.key_of(row) > after:
                yield row

    def _storable(self) -> Iterator[Row]:
        self._replaced = Replaced(self._table.columns)
        for row in self._source.rows(self._table):
            stored = self._target.storable(row)
            self._replaced.note(row, stored)
            self._progress.step()
            yield stored

    def _stored(self) -> Digest:
        stored = Digest()
        for row in self._target.rows(self._table):
            stored.add(row)
            self._progress.step()
        return stored


def _batches(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
