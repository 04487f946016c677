"""Each version of PostgreSQL from 14 on keeps the store; older ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.errors import ConfigError
from tests.servers import postgresql_versions
from tests.servers.fixtures import PASSWORD, serving
from tests.support.coordinator import twins
from tests.support.coordinator.postgresql_stores import DATABASE, fresh_store, url

SEED = 7
SORTED = "SELECT 'a' < 'B'"
WITH_ICU = 15  # of Debian: not every other build has ICU


def binaries(major: int) -> Path:
    return embedded.installed(15) if major == WITH_ICU else postgresql_versions.binaries(major)


@pytest.fixture(params=[14, 15, 16, 17])
def server(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """Versions beside 18, on which the whole contract suite runs."""
    major: int = request.param
    folder = servers_folder / f"store{major}"

    def start() -> Running:
        return embedded.start(folder, password=PASSWORD, binaries=binaries(major))

    with serving(f"PostgreSQL {major}", start) as running:
        yield running


async def test_each_version_answers_like_the_twin_in_memory(server: Running) -> None:
    store = await fresh_store(server)
    try:
        await twins.compare(SEED, MemoryStore(), store)
        assert (await store.health()).sound
    finally:
        await store.close()
    with psycopg.connect(url(server, DATABASE)) as connection:
        if connection.info.server_version // 10_000 == WITH_ICU:
            # There the database sorts otherwise than by code point, and the store did not.
            assert connection.execute(SORTED).fetchone() == (True,)


async def test_a_version_that_is_too_old_is_refused_by_name(servers_folder: Path) -> None:
    def start() -> Running:
        found = postgresql_versions.binaries(13)
        return embedded.start(servers_folder / "store13", password=PASSWORD, binaries=found)

    with (
        serving("PostgreSQL 13", start) as old,
        pytest.raises(ConfigError, match="is PostgreSQL 13, the store needs 14 or newer"),
    ):
        await open_store(url(old, "postgres"))
