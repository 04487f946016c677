"""Limits on the rows and bytes of one answer, the same for every driver."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Failure, Limits, Rows

JSON_GROWTH = 6  # one byte of text becomes at most six in JSON: a control character

_encoder = msgspec.json.Encoder()


def too_many_rows(limits: Limits) -> Failure:
    """The failure of a question whose answer has more rows than `limits` allow."""
    return Failure(kind=Kind.TOO_LARGE, reason=f"more than {limits.rows} rows")


def too_many_bytes(limits: Limits) -> Failure:
    """The failure of a question whose answer has more bytes than `limits` allow."""
    return Failure(kind=Kind.TOO_LARGE, reason=f"more than {limits.bytes} bytes of rows")


def too_much_memory() -> Failure:
    """The failure of an answer that needs more memory than this process may use."""
    why = "an answer needs more memory than an inspection may use"
    return Failure(kind=Kind.TOO_LARGE, reason=why)


def bounded(rows: Rows, limits: Limits, *, received: int | None = None) -> Rows | Failure:
    """`rows`, or the failure if they exceed `limits`.

    `received` is their size on the wire, in bytes; small answers are not measured as JSON then.
    """
    if len(rows) > limits.rows:
        return too_many_rows(limits)
    if received is not None:
        names = sum(len(name) + 1 for name in rows[0]) if rows else 0
        # An upper bound: each byte escaped, and the names in every row.
        if JSON_GROWTH * (received + len(rows) * names) <= limits.bytes:
            return rows
    try:
        size = len(_encoder.encode(rows))
    except (ValueError, TypeError, RecursionError) as error:  # a surrogate, or nested too deep
        return without_json(error)
    return too_many_bytes(limits) if size > limits.bytes else rows


def without_json(error: Exception) -> Failure:
    """The failure of an answer that JSON cannot hold; other questions are not affected."""
    return Failure(kind=Kind.QUERY, reason=f"the answer cannot be read as JSON: {error}")
