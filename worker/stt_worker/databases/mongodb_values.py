"""BSON as plain JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from bson import Binary, Timestamp
from bson.datetime_ms import DatetimeMS

from stt_worker.databases.values import nanoseconds, number

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
UUIDS = frozenset({3, 4})  # subtypes of binary values
UUID_BYTES = 16
# What the cluster adds to every reply for its drivers; it changes all the time and says nothing.
_GOSSIP = frozenset(
    {"$clusterTime", "operationTime", "$configTime", "$topologyTime", "$configServerState"}
)


def document(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without the cluster's gossip, every value plain."""
    return {str(key): plain(value) for key, value in reply.items() if key not in _GOSSIP}


def plain(value: Any) -> Any:
    """Instants become UNIX nanoseconds, bytes hexadecimal, every other type its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        return _fields(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list):
        return list(map(plain, value))  # pyright: ignore[reportUnknownArgumentType]
    return _scalar(value)


def _fields(value: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): plain(one) for key, one in value.items()}


def _scalar(value: Any) -> int | float | str:
    if isinstance(value, int):  # 64 bits come as a class of the driver's own
        return int(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, bytes):
        is_uuid = isinstance(value, Binary) and value.subtype in UUIDS and len(value) == UUID_BYTES
        return str(UUID(bytes=bytes(value))) if is_uuid else value.hex()
    return _instant(value)


def _instant(value: Any) -> int | str:
    if isinstance(value, DatetimeMS):
        return int(value) * NS_PER_MS
    if isinstance(value, datetime):
        return nanoseconds(value)
    return value.time * NS_PER_S if isinstance(value, Timestamp) else str(value)
