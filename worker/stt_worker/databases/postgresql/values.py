"""PostgreSQL's types as the values that scripts get, read from their text form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.abc import Loader as LoaderOfDriver
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format

from stt_worker.databases.values import Array, nanoseconds, number, text

_KEPT = frozenset({"bool", "int2", "int4", "int8"})  # converted by the driver


class Text(Loader):
    """Any other type: names, oids, numeric, JSON, addresses, intervals."""

    def load(self, data: Buffer) -> Any:
        """The text of the server."""
        return text(bytes(data))


class Instant(Loader):
    """Dates and timestamps: UNIX nanoseconds; `infinity` and years beyond 9999 stay text."""

    def load(self, data: Buffer) -> Any:
        """Nanoseconds of an ISO date or timestamp."""
        return instant(bytes(data).decode())


class Float(Loader):
    """Floating point numbers; `nan` and `infinity` become text."""

    def load(self, data: Buffer) -> Any:
        """The number."""
        return number(float(bytes(data)))


class Bytes(Loader):
    """bytea as text."""

    def load(self, data: Buffer) -> Any:
        """The bytes, from either output format of the server."""
        return text(psycopg.pq.Escaping().unescape_bytea(bytes(data)))


def instant(written: str) -> int | str:
    """`written` as UNIX nanoseconds, or unchanged if Python has no such date."""
    try:
        return nanoseconds(datetime.fromisoformat(written))
    except ValueError:
        return written


_LOADERS: dict[str, type[Loader]] = {
    **dict.fromkeys(("date", "timestamp", "timestamptz"), Instant),
    **dict.fromkeys(("float4", "float8"), Float),
    "bytea": Bytes,
}


def _array(driver: type[LoaderOfDriver]) -> type[Loader]:
    """A loader of arrays that also keeps their text.

    It contains the driver's loader and does not inherit: the C code would not call our `load`.
    """

    class Both(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._driver = driver(oid, context)

        def load(self, data: Buffer) -> Any:
            return Array(self._driver.load(data), text(bytes(data)))

    return Both


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    for info in psycopg.adapters.types:
        if info.name not in _KEPT:
            adapters.register_loader(info.oid, _LOADERS.get(info.name, Text))
        driver = psycopg.adapters.get_loader(info.array_oid, Format.TEXT)
        if info.array_oid and driver is not None:
            adapters.register_loader(info.array_oid, _array(driver))
    adapters.register_loader(0, Text)  # types unknown to the driver
    return adapters


class Context(AdaptContext):
    """The loaders above, as psycopg expects them for a new connection."""

    _adapters = _adapters()

    @property
    def adapters(self) -> AdaptersMap:
        """The loaders."""
        return self._adapters

    @property
    def connection(self) -> None:
        """None: the loaders are for every connection."""
        return
