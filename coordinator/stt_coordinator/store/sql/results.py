"""Results, watermarks and rejected messages in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
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

# Sequences of one batch follow each other; a sender that jumps must not have all between read.
MAX_GAP = 1_000


def ranges(sequences: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and last of each group of sequences that are at most MAX_GAP apart."""
    ordered = sorted(sequences)
    first = last = ordered[0]
    for one in ordered[1:]:
        if one - last > MAX_GAP:
            yield first, last
            first = one
        last = one
    yield first, last


class SqlResults(Statements):
    """ResultLedger in SQL."""

    sql = queries("results")

    def add(self, rows: Sequence[RawResult]) -> list[bool]:
        news, put = self._sorted(rows)
        self._each("put", put)
        return news

    def are_new(self, rows: Sequence[RawResult]) -> list[bool]:
        return self._sorted(rows)[0]

    def _sorted(self, rows: Sequence[RawResult]) -> tuple[list[bool], Iterable[Columns]]:
        """For each row whether it is new, and the columns of what is to be written."""
        # Read together: a statement for each row costs PostgreSQL a round trip.
        known = self._contents(rows)
        news: list[bool] = []
        put: dict[tuple[str, str, int], Columns] = {}
        for row in rows:
            key = row.worker, row.epoch, row.sequence
            content = known.get(key)
            news.append(content is None or content not in ("", row.content))
            if content is None or (news[-1] and not row.is_refused):
                put[key] = {
                    "worker": row.worker,
                    "epoch": row.epoch,
                    "sequence": row.sequence,
                    "job_id": row.job_id,
                    "received": text(row.received),
                    "data": row.data,
                    "content": row.content,
                }
                # The same position may come again in this batch.
                known[key] = row.content
        return news, put.values()

    def _contents(self, rows: Sequence[RawResult]) -> dict[tuple[str, str, int], str]:
        """The content of each position of `rows` that is taken."""
        asked: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for row in rows:
            asked[row.worker, row.epoch].append(row.sequence)
        return {
            (worker, epoch, int(sequence)): str(content)
            for (worker, epoch), sequences in asked.items()
            for first, last in ranges(sequences)
            for sequence, content in self._run(
                "contents", worker=worker, epoch=epoch, first=first, last=last
            )
        }

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

    def watermarks(self, announced: Collection[tuple[str, str]] = ()) -> list[Watermark]:
        marks = (
            (str(worker), OutboxMark(epoch=epoch, sequence=sequence))
            for worker, epoch, sequence in self._run("watermarks")
        )
        return newest_with_others(marks, announced)

    def outboxes(self) -> frozenset[tuple[str, str]]:
        return frozenset((str(worker), str(epoch)) for worker, epoch in self._run("outboxes"))

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        self._each("add_rejected", ({**asdict(one), "at": text(one.at)} for one in rejected))
        self._run("drop_rejected", kept=MAX_REJECTED)

    def count_rejected(self, since: datetime | None = None) -> dict[str, int]:
        return dict(self._run("count_rejected", since=text(since)).fetchall())
