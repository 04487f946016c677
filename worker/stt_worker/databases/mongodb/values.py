"""BSON as plain JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from bson import Binary, Timestamp
from bson.datetime_ms import DatetimeMS

from stt_worker.databases.values import nanoseconds, number

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
UUIDS = frozenset({3, 4})  # subtypes of binary values
UUID_BYTES = 16
MAX_DEPTH = 100  # of MongoDB's own documents
# Fields that a cluster adds to every reply for drivers; they change all the time.
_GOSSIP = frozenset(
    {"$clusterTime", "operationTime", "$configTime", "$topologyTime", "$configServerState"}
)


def document(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without the cluster's fields, as JSON values; raises ValueError."""
    return {str(key): plain(value) for key, value in reply.items() if key not in _GOSSIP}


def plain(value: Any, depth: int = 0) -> Any:
    """Dates become UNIX nanoseconds, bytes hexadecimal text, other types text.

    Raises ValueError for a value nested deeper than MAX_DEPTH.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):  # `Code` is a subclass of str
        return str(value)
    if not isinstance(value, dict | list):
        return _scalar(value)
    if depth == MAX_DEPTH:
        raise ValueError(f"documents nested deeper than {MAX_DEPTH}")
    if isinstance(value, list):
        return [plain(one, depth + 1) for one in cast("list[object]", value)]
    fields = cast("dict[object, object]", value)
    return {str(key): plain(one, depth + 1) for key, one in fields.items()}


def _scalar(value: Any) -> int | float | str:
    if isinstance(value, int):  # `Int64` is a subclass of int
        return int(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, bytes):
        is_uuid = isinstance(value, Binary) and value.subtype in UUIDS and len(value) == UUID_BYTES
        return str(UUID(bytes=bytes(value))) if is_uuid else value.hex()
    if isinstance(value, DatetimeMS):
        return int(value) * NS_PER_MS
    if isinstance(value, datetime):
        return nanoseconds(value)
    return value.time * NS_PER_S if isinstance(value, Timestamp) else str(value)
