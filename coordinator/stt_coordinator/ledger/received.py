"""A result with the message it came in, and the rows that are kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.ledger.watermarks import Outbox, Position
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.identity import digest
from stt_shared.protocol.messages import Result
from stt_shared.telemetry import traces

MAX_REJECTED_BYTES = 4_096  # kept of a message that was rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedResult:
    """A result that was read, and the message it came in."""

    result: Result
    subject: str
    data: bytes
    traceparent: str = ""  # of the span that the worker sent it from
    may_wait: bool = False  # whether it may be delivered again a little later

    @property
    def outbox(self) -> Outbox:
        """The worker's outbox that numbered it."""
        return self.result.worker, self.result.epoch

    @property
    def position(self) -> Position:
        """Its place in that outbox."""
        return (*self.outbox, self.result.sequence)

    def raw(self, now: datetime, *, is_refused: bool = False) -> RawResult:
        """The row of its position without its bytes: they are kept if they change something."""
        return RawResult(
            worker=self.result.worker,
            epoch=self.result.epoch,
            sequence=self.result.sequence,
            job_id=self.result.job_id,
            received=now,
            data=b"",
            content=digest(self.data),
            is_refused=is_refused,
        )

    def rejected(self, code: str, reason: str, now: datetime) -> Rejected:
        """The row that is kept of it when it cannot be recorded."""
        return Rejected(
            code=code,
            reason=reason,
            subject=self.subject,
            at=now,
            data=self.data[:MAX_REJECTED_BYTES],
        )


def trace_ingest(received: Sequence[ReceivedResult], begun: datetime) -> None:
    """One span a result, from `begun` until now, below the span that its worker sent it from."""
    tracing = traces.get()
    for one in received if tracing.on else ():
        ids = {"job": one.result.job_id, "worker": one.result.worker}
        tracing.begin("ingest", ids, parent=one.traceparent, begun=begun).end()
