"""A SQLite store with rows in every table, and an empty database beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.coordinator.copied_stores import drop_database, filled, fresh_database


@pytest.fixture
def database(store_server: Running) -> Iterator[str]:
    url = fresh_database(store_server)
    yield url
    drop_database(store_server, url)


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    await (await filled(folder)).close()
    return folder
