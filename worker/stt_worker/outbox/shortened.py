"""Shortens a result that the NATS server does not take because of its size."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from stt_shared.protocol import codec
from stt_shared.protocol.messages import Result
from stt_worker.execution.verdict import fit
from stt_worker.outbox.port import Row

HEADER_BYTES = 1_024  # at most: message id, trace, and the lines around them


def shortened(row: Row, limit: int) -> Row | None:
    """`row` as a message of at most `limit` bytes; None if its outcomes alone have more.

    The largest outcomes become errors of the kind `too_large`, which keep the counts. The message
    id stays: if the whole result was stored once, the broker drops this one. Raises ProtocolError
    if the row is not a result.
    """
    result = codec.decode(Result, row.data)
    room = limit - HEADER_BYTES
    others = len(codec.encode(msgspec.structs.replace(result, outcomes=())))
    separators = len(result.outcomes)
    outcomes = fit(result.outcomes, room - others - separators)
    data = codec.encode(msgspec.structs.replace(result, outcomes=outcomes))
    return replace(row, data=data) if len(data) <= room else None
