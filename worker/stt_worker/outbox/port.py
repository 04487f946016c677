"""The port of the outbox: a result gets its position once and stays until the watermark passes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from stt_shared.errors import SttError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Result, Watermark

REMEMBERED = timedelta(hours=49)  # NATS keeps a job for 48: none comes after its entry is gone
PAGE_ROWS = 100
# Positions by which a watermark may be above the highest given one. An older copy of the outbox is
# behind by what it sent since; a number that somebody invented must not use up all positions.
MAX_AHEAD = 1_000_000_000


class OutboxError(SttError):
    """The outbox cannot be read or written now, for example because the disk is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A result as it is published; every publication has the same message id."""

    sequence: int
    subject: str
    message_id: str
    data: bytes
    traceparent: str = ""  # of the span that the result came from; empty without tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job whose result is recorded; no row means that the coordinator has stored the result."""

    row: Row | None


class Outbox(Protocol):
    """Results at the positions 1, 2, 3 ... of one epoch, without gaps.

    Every method but `epoch`, `size` and `confirm` raises OutboxError.
    """

    @property
    def epoch(self) -> str:
        """The id of this outbox, made with it: one that lost its disk has another."""
        ...

    @property
    def size(self) -> int:
        """The number of results above the watermark."""
        ...

    async def append(self, result: Result, traceparent: str = "") -> Row:
        """Give `result` its epoch, position and oldest position; write it and the end of its job.

        Both in one transaction; after the return they survive a power failure. Raises also
        ProtocolError `too_large`, which uses no position.
        """
        ...

    async def finished(self, job_id: str, dispatch: int) -> Finished | None:
        """The recorded result of a job; None if this outbox never had it."""
        ...

    async def pending(self, after: int = 0, limit: int = PAGE_ROWS) -> list[Row]:
        """Up to `limit` results above the position `after` and the watermark, in order."""
        ...

    async def replace(self, row: Row) -> None:
        """Replace the data of the message at the position of `row`, if it is still there."""
        ...

    def confirm(self, sequences: Iterable[int]) -> None:
        """Note, in memory, that NATS has stored the messages at these positions."""
        ...

    async def covered(self, watermark: Watermark, now: datetime) -> None:
        """Delete the confirmed results up to `watermark`.

        What NATS has not confirmed to this process stays: whoever may write the bucket could
        otherwise delete the only copy. A watermark above the highest position ever given deletes
        nothing, and the next position is above it. One of another epoch, or more than MAX_AHEAD
        above, is ignored.
        """
        ...

    async def starts(self, job_id: str, dispatch: int) -> int:
        """The number of counted starts of this job."""
        ...

    async def count_start(self, job_id: str, dispatch: int, now: datetime) -> None:
        """Count a start of this job; called when it was delivered before."""
        ...

    async def close(self) -> None:
        """Finish the current write and close the file."""
        ...


def row_of(result: Result, traceparent: str = "") -> Row:
    """The message of a result that has its epoch and position; raises ProtocolError `too_large`."""
    # The epoch is part of the id: a broker that crashed counts deliveries from 1 again, so two
    # workers may have the same execution; without it NATS would drop the second as a duplicate.
    return Row(
        sequence=result.sequence,
        subject=subjects.result(result.family, result.site, result.target, result.worker),
        message_id=f"{result.job_id}/{result.execution}/{result.epoch}",
        data=codec.encode(result),
        traceparent=traceparent,
    )
