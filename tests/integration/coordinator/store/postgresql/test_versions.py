"""Each version of PostgreSQL from 14 on keeps the store; older ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.errors import ConfigError
from tests.servers import postgresql_majors
from tests.support.coordinator import twins
from tests.support.coordinator.postgresql_stores import DATABASE, fresh_store, url

SEED = 7
SORTED = "SELECT 'a' < 'B'"


@pytest.fixture(params=[14, 15, 16, 17])
def server(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Running]:
    """Versions beside 18, on which the whole contract suite runs."""
    with postgresql_majors.serving_major(
        request.param, servers_folder / f"store{request.param}"
    ) as running:
        yield running


async def test_each_version_answers_like_the_twin_in_memory(server: Running) -> None:
    store = await fresh_store(server)
    try:
        await twins.compare(SEED, MemoryStore(), store)
        assert (await store.health()).sound
    finally:
        await store.close()
    with psycopg.connect(url(server, DATABASE)) as connection:
        if connection.info.server_version // 10_000 == postgresql_majors.DEBIAN:
            # There the database sorts otherwise than by code point, and the store did not.
            assert connection.execute(SORTED).fetchone() == (True,)


async def test_a_version_that_is_too_old_is_refused_by_name(servers_folder: Path) -> None:
    with (
        postgresql_majors.serving_major(13, servers_folder / "store13") as old,
        pytest.raises(ConfigError, match="is PostgreSQL 13, the store needs 14 or newer"),
    ):
        await open_store(url(old, "postgres"))
