"""Results, watermarks and rejected messages in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from stt_coordinator.store.ports.results import (
    MAX_REJECTED,
    RawResult,
    Rejected,
    newest_with_others,
)
from stt_coordinator.store.sql.rows import Columns, text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared import clock
from stt_shared.protocol.messages import OutboxMark, Watermark


class SqlResults(Statements):
    """ResultLedger in SQL."""

    sql = queries("results")

    def add(self, rows: Sequence[RawResult]) -> list[bool]:
        # One by one: executemany does not say which of the rows were new.
        return [self._add(row) for row in rows]

    def _add(self, row: RawResult) -> bool:
        key: Columns = {"worker": row.worker, "epoch": row.epoch, "sequence": row.sequence}
        values: Columns = {
            "job_id": row.job_id,
            "received": text(row.received),
            "data": row.data,
            "content": row.content,
        }
        if self._run("add", **key, **values).rowcount == 1:
            return True
        (known,) = self._run("content", **key).fetchone()
        if known in ("", row.content):
            return False
        if not row.is_refused:
            self._run("replace", **key, **values)
        return True

    def nonces_optional_since(self) -> datetime | None:
        found = self._run("nonces_optional_since").fetchone()
        return None if found is None else clock.from_text(found[0])

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        found = self._run("sequences_after", worker=worker, epoch=epoch, sequence=sequence)
        return (int(one) for (one,) in found)

    def watermark(self, worker: str, epoch: str) -> int | None:
        found = self._run("watermark", worker=worker, epoch=epoch).fetchone()
        return None if found is None else int(found[0])

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        self._each(
            "put_watermark",
            (
                {"worker": w.worker, "epoch": w.epoch, "sequence": w.sequence, "at": text(at)}
                for w in watermarks
            ),
        )

    def watermarks(self) -> list[Watermark]:
        return newest_with_others(
            (str(worker), OutboxMark(epoch=epoch, sequence=sequence))
            for worker, epoch, sequence in self._run("watermarks")
        )

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        self._each("add_rejected", ({**asdict(one), "at": text(one.at)} for one in rejected))
        self._run("drop_rejected", kept=MAX_REJECTED)

    def count_rejected(self) -> dict[str, int]:
        return dict(self._run("count_rejected").fetchall())
