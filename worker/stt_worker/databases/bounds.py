"""The cap on what one question may bring back, the same for every driver."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Failure, Limits, Rows

JSON_GROWTH = 6  # bytes that one byte of text may become, as a control character

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


def bounded(rows: Rows, limits: Limits, *, received: int | None = None) -> Rows | Failure:
    """`rows`, or why they are too many or too large.

    `received` is the number of bytes they came in as, which saves measuring what is small.
    """
    if len(rows) > limits.rows:
        return too_many_rows(limits)
    if received is not None and _at_most(rows, received) <= limits.bytes:
        return rows
    try:
        size = len(_encoder.encode(rows))
    except (ValueError, TypeError, RecursionError) as error:  # a surrogate, or nested too deep
        return without_json(error)
    return too_many_bytes(limits) if size > limits.bytes else rows


def without_json(error: Exception) -> Failure:
    """The failure of an answer that cannot be written as JSON; it is that question's alone."""
    return Failure(kind=Kind.QUERY, reason=f"the answer cannot be read as JSON: {error}")


def _at_most(rows: Rows, received: int) -> int:
    """A bound for the size as JSON: a byte becomes an escape at worst, and the names repeat."""
    names = sum(len(name) + 1 for name in rows[0]) if rows else 0
    return JSON_GROWTH * (received + len(rows) * names)
