"""What is kept of a message that is not a result, and the position that it claims."""

from __future__ import annotations

import msgspec

from stt_coordinator.ledger.received import MAX_REJECTED_BYTES
from stt_coordinator.ledger.unreadable import UnreadableResult
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared import clock
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.identity import digest, is_token

MAX_SEQUENCE = 2**63 - 1  # of a store's integer


class _Claimed(msgspec.Struct):
    """The position that a message claims, whatever else is wrong with it."""

    epoch: str
    sequence: int


_CLAIMED = msgspec.json.Decoder(_Claimed)


def unreadable_result(delivery: Delivery, error: ProtocolError) -> UnreadableResult:
    """What is kept of a message that is not a result; with the position that it claims, if any.

    The worker is that of the subject, which the broker's permissions bind.
    """
    row = Rejected(
        code=error.code,
        reason=error.message,
        subject=delivery.subject,
        at=clock.now(),
        data=delivery.data[:MAX_REJECTED_BYTES],
    )
    worker = delivery.subject.rpartition(".")[2]
    try:
        claimed = _CLAIMED.decode(delivery.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UnreadableResult(row=row)
    # All three become the key of a row and move a watermark: nothing unchecked may get there.
    if not (1 <= claimed.sequence <= MAX_SEQUENCE and is_token(claimed.epoch) and is_token(worker)):
        return UnreadableResult(row=row)
    position = RawResult(
        worker=worker,
        epoch=claimed.epoch,
        sequence=claimed.sequence,
        job_id="",
        received=row.at,
        data=b"",
        content=digest(delivery.data),
        is_refused=True,
    )
    return UnreadableResult(row=row, position=position)
