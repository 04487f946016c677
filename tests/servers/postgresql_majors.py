"""A throw-away PostgreSQL of any version that tests know, by its number."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from tests.servers import postgresql_versions
from tests.servers.fixtures import PASSWORD, serving

DEBIAN = 15  # of the machine itself
NEWEST = 18  # of a Python package
MAJORS = (*(12, 13, 14), DEBIAN, *(16, 17), NEWEST)


@contextmanager
def serving_major(
    major: int,
    folder: Path,
    extra: Sequence[str] = (),
    tls: tuple[Path, Path, Path] | None = None,
) -> Generator[Running]:
    """A server of that version; its test is left out, or fails, where it cannot be installed."""

    def start() -> Running:
        return embedded.start(
            folder, password=PASSWORD, binaries=binaries(major), extra=extra, tls=tls
        )

    with serving(f"PostgreSQL {major}", start) as running:
        yield running


def binaries(major: int) -> Path:
    """The bin folder of that version; raises MissingServerError without it."""
    if major == NEWEST:
        return embedded.packaged()
    if major == DEBIAN:
        return embedded.installed(DEBIAN)
    return postgresql_versions.binaries(major)
