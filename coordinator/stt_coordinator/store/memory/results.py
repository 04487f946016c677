"""Results, watermarks and rejected messages in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.results import (
    MAX_REJECTED,
    RawResult,
    Rejected,
    newest_with_others,
)
from stt_shared.protocol.messages import OutboxMark, Watermark


class MemoryResults(Rows):
    """ResultLedger in memory."""

    def add(self, rows: Sequence[RawResult]) -> list[bool]:
        return _add(self._t.results, rows)

    def are_new(self, rows: Sequence[RawResult]) -> list[bool]:
        return _add(dict(self._t.results), rows)

    def nonces_optional_since(self) -> datetime | None:
        return None

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        held = (key[2] for key in self._t.results if key[:2] == (worker, epoch))
        return iter(sorted(one for one in held if one > sequence))

    def watermark(self, worker: str, epoch: str) -> int | None:
        found = self._t.watermarks.get((worker, epoch))
        return None if found is None else found[1]

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        for one in watermarks:
            self._t.watermarks[one.worker, one.epoch] = (at, one.sequence)

    def outboxes(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._t.watermarks)

    def watermarks(self, announced: Collection[tuple[str, str]] = ()) -> list[Watermark]:
        oldest_first = sorted(
            self._t.watermarks.items(),
            key=lambda item: (item[0][0], item[1][0], item[0][1]),
        )
        marks = (
            (worker, OutboxMark(epoch=epoch, sequence=sequence))
            for (worker, epoch), (_, sequence) in oldest_first
        )
        return newest_with_others(marks, announced)

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        self._t.rejected.extend(rejected)
        del self._t.rejected[:-MAX_REJECTED]

    def count_rejected(self, since: datetime | None = None) -> dict[str, int]:
        found = (one.code for one in self._t.rejected if since is None or one.at >= since)
        return dict(sorted(Counter(found).items()))


def _add(results: dict[tuple[str, str, int], RawResult], rows: Sequence[RawResult]) -> list[bool]:
    new: list[bool] = []
    for row in rows:
        key = (row.worker, row.epoch, row.sequence)
        known = results.get(key)
        is_new = known is None or known.content not in ("", row.content)
        if known is None or (is_new and not row.is_refused):
            results[key] = row
        new.append(is_new)
    return new
