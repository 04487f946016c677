"""The port of received results, of the watermarks over them, and of rejected messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

from stt_shared.protocol.messages import MAX_OTHER_OUTBOXES, OutboxMark, Watermark

# Of at most 4 KiB each, 40 MiB in all: whoever floods the coordinator must not fill its disk.
MAX_REJECTED = 10_000  # messages, of each the first 4 KiB: 40 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResult:
    """A result as its message brought it; the key is worker, epoch and sequence.

    `content` is the digest of the message; empty in rows of earlier releases, where it equals any.
    A refused result takes its position but keeps no `data`.
    """

    worker: str
    epoch: str
    sequence: int
    job_id: str
    received: datetime
    data: bytes
    content: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message that was rejected; `data` is its beginning."""

    code: str
    reason: str
    subject: str
    at: datetime
    data: bytes


class ResultLedger(Protocol):
    """Results by worker, epoch and sequence; watermarks by worker and epoch."""

    def are_new(self, rows: Sequence[RawResult]) -> list[bool]:
        """For each row whether `add` would find it new; nothing is written."""
        ...

    def add(self, rows: Sequence[RawResult]) -> list[bool]:
        """Insert what is new; for each row whether it was.

        Idempotent: a known content of a key, also one that comes twice in `rows`, changes nothing.
        Another content of a known key is new: it replaces the row unless it is refused.
        """
        ...

    def nonces_optional_since(self) -> datetime | None:
        """When this store was upgraded from a release without nonces; None: it is newer."""
        ...

    def sequences_after(self, worker: str, epoch: str, sequence: int) -> Iterator[int]:
        """The known sequences > `sequence`, ascending; read it inside the transaction."""
        ...

    def watermark(self, worker: str, epoch: str) -> int | None:
        """The sequence up to which every result is known; None: never put."""
        ...

    def put_watermarks(self, watermarks: Iterable[Watermark], at: datetime) -> None:
        """Insert or replace; a lower sequence than the known one replaces it, too."""
        ...

    def watermarks(self, announced: Collection[tuple[str, str]] = ()) -> list[Watermark]:
        """For each worker, by name, the one put with the latest `at`, with the others.

        Of several put at the same instant it is the one with the greatest epoch. Those of the
        outboxes in `announced` (worker, epoch) come before all others of their worker.
        """
        ...

    def outboxes(self) -> frozenset[tuple[str, str]]:
        """Worker and epoch of each watermark that was ever put."""
        ...

    def add_rejected(self, rejected: Iterable[Rejected]) -> None:
        """Append messages that were rejected; only the newest MAX_REJECTED are kept."""
        ...

    def count_rejected(self, since: datetime | None = None) -> dict[str, int]:
        """The number of kept rejected messages by code, ordered by code; None: of all of them."""
        ...


def newest_with_others(
    marks: Iterable[tuple[str, OutboxMark]], announced: Collection[tuple[str, str]]
) -> list[Watermark]:
    """One watermark for each worker from `marks`, which are in order of worker, oldest first."""
    found: list[Watermark] = []
    for worker, group in groupby(marks, key=lambda pair: pair[0]):
        ordered = list(reversed([mark for _, mark in group]))
        # Announced ones first: there is room for few, and whoever has a worker's credential would
        # push its mark out with results under invented epochs.
        ordered.sort(key=lambda mark: (worker, mark.epoch) not in announced)
        newest, *others = ordered
        found.append(
            Watermark(
                worker=worker,
                epoch=newest.epoch,
                sequence=newest.sequence,
                others=tuple(others[:MAX_OTHER_OUTBOXES]),
            )
        )
    return found
