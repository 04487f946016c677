"""From what to what a store is copied: one place is a SQLite file, the other one PostgreSQL."""

from __future__ import annotations

from stt_coordinator.store.copying import postgresql, sqlite
from stt_coordinator.store.copying.copy import Show, copy_store
from stt_coordinator.store.copying.report import CopyReport
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.address import SCHEMES, address_of
from stt_shared.errors import UsageError
from stt_shared.settings.rules import STORE_SECRETS


def is_url(place: str) -> bool:
    """Whether `place` is PostgreSQL; raises UsageError if it is nothing that a store may be in."""
    if not place or ("://" in place and not place.startswith(SCHEMES)):
        raise UsageError(
            "a place of a store is a state folder, a file that ends with .db, or postgresql://...",
            hint="stt store copy /var/lib/stt/coordinator postgresql://stt@db.example.com/stt",
        )
    return place.startswith(SCHEMES)


def has_password(*places: str) -> bool:
    """Whether a URL contains a password, which other users of the machine can see."""
    urls = filter(is_url, places)
    return any(STORE_SECRETS & address_of(one, schema.SCHEMA).parameters.keys() for one in urls)


def copied(source: str, target: str, show: Show, password: str = "") -> CopyReport:
    """Copy the store in the place `source` to the place `target`, and verify the copy.

    `password` is for PostgreSQL, if its URL has none. The same call continues what was begun.
    Raises UsageError, ConfigError, UnreachableError, StoreError and CopyError.
    """
    if is_url(source) == is_url(target):
        raise UsageError(
            "one place must be a SQLite store and the other one postgresql://...",
            hint="between two files: stt store backup and restore; between two servers: pg_dump",
        )
    version = schema.newest()
    if is_url(source):
        with (
            postgresql.source(source, password) as store,
            sqlite.target(sqlite.file_of(target), store.identity) as copy,
        ):
            return copy_store(store, copy, version, show)
    with (
        sqlite.source(sqlite.file_of(source)) as file,
        postgresql.target(target, file.identity, password) as copied_to,
    ):
        return copy_store(file, copied_to, version, show)
