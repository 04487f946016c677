"""Throw-away PostgreSQL servers of the versions that the store is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from tests.servers import postgresql_versions
from tests.servers.fixtures import PASSWORD, serving

DEBIAN = 15  # of the machine itself: the only build that surely has ICU


@contextmanager
def serving_version(major: int, folder: Path) -> Iterator[Running]:
    """A server of that version; its test is left out, or fails, where it cannot be installed."""

    def start() -> Running:
        debian = major == DEBIAN
        found = embedded.installed(DEBIAN) if debian else postgresql_versions.binaries(major)
        return embedded.start(folder / f"store{major}", password=PASSWORD, binaries=found)

    with serving(f"PostgreSQL {major}", start) as running:
        yield running
