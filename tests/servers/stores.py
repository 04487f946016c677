"""A PostgreSQL for stores alone: other tests count the databases and sessions of their server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.servers.postgresql_majors import NEWEST, serving_major


@pytest.fixture(scope="session")
def store_server(servers_folder: Path) -> Iterator[Running]:
    """PostgreSQL 18, or the version of STT_STORE_POSTGRESQL: `make store-versions`."""
    major = int(os.environ.get("STT_STORE_POSTGRESQL") or NEWEST)
    with serving_major(major, servers_folder / f"stores{major}") as running:
        yield running
