"""The outbox in memory, for tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

import msgspec

from stt_shared.protocol.messages import Result, Watermark
from stt_worker.outbox.port import MAX_AHEAD, PAGE_ROWS, REMEMBERED, Finished, Row, row_of

_Job = tuple[str, int]


class MemoryOutbox:
    """An Outbox that lives as long as its process."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(8)
        self._sequence = 0
        self._rows: dict[int, Row] = {}
        self._confirmed: set[int] = set()
        self._journal: dict[_Job, tuple[int, datetime]] = {}
        self._starts: dict[_Job, int] = {}

    @property
    def size(self) -> int:
        """The number of results above the watermark."""
        return len(self._rows)

    async def append(self, result: Result, traceparent: str = "") -> Row:
        """See the port; raises ProtocolError `too_large`."""
        sequence = self._sequence + 1
        oldest = min(self._rows, default=sequence)
        numbered = msgspec.structs.replace(
            result, epoch=self.epoch, sequence=sequence, oldest=oldest
        )
        row = row_of(numbered, traceparent)
        self._sequence = sequence
        self._rows[sequence] = row
        self._journal[result.job_id, result.dispatch] = sequence, result.finished
        return row

    async def finished(self, job_id: str, dispatch: int) -> Finished | None:
        """See the port."""
        entry = self._journal.get((job_id, dispatch))
        return Finished(row=self._rows.get(entry[0])) if entry else None

    async def pending(self, after: int = 0, limit: int = PAGE_ROWS) -> list[Row]:
        """See the port."""
        return [row for sequence, row in sorted(self._rows.items()) if sequence > after][:limit]

    async def replace(self, row: Row) -> None:
        """See the port."""
        if row.sequence in self._rows:
            self._rows[row.sequence] = row

    def confirm(self, sequences: Iterable[int]) -> None:
        """See the port."""
        self._confirmed |= self._rows.keys() & set(sequences)

    async def covered(self, watermark: Watermark, now: datetime) -> None:
        """See the port."""
        if watermark.epoch != self.epoch or watermark.sequence > self._sequence + MAX_AHEAD:
            return
        if watermark.sequence <= self._sequence:
            gone = {n for n in self._confirmed if n <= watermark.sequence}
            self._rows = {n: row for n, row in self._rows.items() if n not in gone}
            self._confirmed -= gone
        self._sequence = max(self._sequence, watermark.sequence)
        kept = now - REMEMBERED
        self._journal = {job: entry for job, entry in self._journal.items() if entry[1] >= kept}

    async def starts(self, job_id: str, dispatch: int) -> int:
        """See the port."""
        return self._starts.get((job_id, dispatch), 0)

    async def count_start(self, job_id: str, dispatch: int, now: datetime) -> None:  # noqa: ARG002  # the port's
        """See the port."""
        self._starts[job_id, dispatch] = self._starts.get((job_id, dispatch), 0) + 1

    async def close(self) -> None:
        """Nothing to release."""
