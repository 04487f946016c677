"""Shortens a result that the NATS server does not take because of its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from stt_shared.protocol import codec
from stt_shared.protocol.messages import CheckOutcome, Result
from stt_worker.execution.verdict import fit
from stt_worker.outbox.port import Row

HEADER_BYTES = 1_024  # at most: message id, trace, and the lines around them
SEPARATOR_BYTES = 1


def shortened(row: Row, limit: int) -> Row | None:
    """`row` as a message of at most `limit` bytes; None if not even an empty result has room.

    The largest outcomes become errors of the kind `too_large`, which keep the counts. If outcomes
    without findings are still too many, as many as have room stay, the smallest first, and the
    result states why the others are left out: they count as not checked. The message id stays: if
    the whole result was stored once, the broker drops this one. Raises ProtocolError if the row is
    not a result.
    """
    result = codec.decode(Result, row.data)
    room = limit - HEADER_BYTES
    outcomes = fit(result.outcomes, room - _bare_size(result) - len(result.outcomes))
    data = codec.encode(msgspec.structs.replace(result, outcomes=outcomes))
    if len(data) > room:
        what = f"the result of {len(row.data)} bytes exceeds the limit of {limit} bytes of NATS"
        # Without the facts: they must not take the room of the reason.
        result = msgspec.structs.replace(result, left_out=what, facts=None)
        kept = _with_room(outcomes, room - _bare_size(result))
        data = codec.encode(msgspec.structs.replace(result, outcomes=kept))
    return replace(row, data=data) if len(data) <= room else None


def _with_room(outcomes: Sequence[CheckOutcome], room: int) -> tuple[CheckOutcome, ...]:
    """As many outcomes as have at most `room` bytes together, in their order."""
    sizes = [len(msgspec.json.encode(one)) + SEPARATOR_BYTES for one in outcomes]
    kept: set[int] = set()
    for index in sorted(range(len(sizes)), key=sizes.__getitem__):
        room -= sizes[index]
        if room < 0:
            break
        kept.add(index)
    return tuple(one for index, one in enumerate(outcomes) if index in kept)


def _bare_size(result: Result) -> int:
    return len(codec.encode(msgspec.structs.replace(result, outcomes=())))
