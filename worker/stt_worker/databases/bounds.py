"""The cap on what one question may bring back, the same for every driver."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.words import Kind
from stt_worker.databases.port import Failure, Limits, Rows

_encoder = msgspec.json.Encoder()


def too_many_rows(limits: Limits) -> Failure:
    """The failure of a question that has more rows than `limits` allow."""
    return Failure(kind=Kind.TOO_LARGE, reason=f"more than {limits.rows} rows")


def too_many_bytes(limits: Limits) -> Failure:
    """The failure of a question whose rows are larger than `limits` allow."""
    return Failure(kind=Kind.TOO_LARGE, reason=f"more than {limits.bytes} bytes of rows")


def too_much_memory() -> Failure:
    """The failure of an answer for which this process may not have the memory."""
    why = "an answer needs more memory than an inspection may use"
    return Failure(kind=Kind.TOO_LARGE, reason=why)


def bounded(rows: Rows, limits: Limits) -> Rows | Failure:
    """`rows`, or why they are too many or too large."""
    if len(rows) > limits.rows:
        return too_many_rows(limits)
    if len(_encoder.encode(rows)) > limits.bytes:
        return too_many_bytes(limits)
    return rows
