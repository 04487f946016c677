"""The outbox as the worker needs it: a result gets its position once and stays until covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from stt_shared.errors import SttError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Result, Watermark

REMEMBERED = timedelta(hours=49)  # one more than NATS keeps a job
PAGE_ROWS = 100


class OutboxError(SttError):
    """The outbox cannot be written or read right now, e.g. because the disk is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A result as it is published; the message id is the same each time."""

    sequence: int
    subject: str
    message_id: str
    data: bytes
    traceparent: str = ""  # of the span that the result came from; empty without tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job that has its result; without a row it is in the coordinator's store already."""

    row: Row | None


class Outbox(Protocol):
    """Results in the order of their positions 1, 2, 3 ... of one epoch, without gaps.

    Every method but `size` raises OutboxError.
    """

    @property
    def size(self) -> int:
        """How many results the watermark does not cover."""
        ...

    async def append(self, result: Result, traceparent: str = "") -> Row:
        """Give `result` its epoch and position, and keep it with the note that its job is done.

        Both in one transaction; when it returns, they survive a power failure. Raises also
        ProtocolError `too_large`; no position is used up then.
        """
        ...

    async def finished(self, job_id: str, dispatch: int) -> Finished | None:
        """What became of a job, or None if it has no result here."""
        ...

    async def pending(self, after: int = 0, limit: int = PAGE_ROWS) -> list[Row]:
        """The results behind position `after` that the watermark does not cover."""
        ...

    async def covered(self, watermark: Watermark, now: datetime) -> None:
        """Forget what the coordinator's store holds; a watermark of another epoch says nothing."""
        ...

    async def starts(self, job_id: str, dispatch: int) -> int:
        """How often the start of this job was counted."""
        ...

    async def count_start(self, job_id: str, dispatch: int, now: datetime) -> None:
        """Note that a job delivered again is begun."""
        ...

    async def close(self) -> None:
        """Finish what is being written and let go of the file."""
        ...


def row_of(result: Result, traceparent: str = "") -> Row:
    """The message of a result that has its epoch and position; raises ProtocolError."""
    # With the epoch: a broker that died forgets how often it delivered a job, so two workers may
    # have the same execution, and the second result would be taken for the first.
    return Row(
        sequence=result.sequence,
        subject=subjects.result(result.family, result.site, result.target, result.worker),
        message_id=f"{result.job_id}/{result.execution}/{result.epoch}",
        data=codec.encode(result),
        traceparent=traceparent,
    )
