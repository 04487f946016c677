"""The stores that have to keep the guarantees; a new adapter is one more entry of STORES."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.store import open_store
from tests.servers import postgresql_majors
from tests.support.coordinator.postgresql_stores import drop, fresh_store


async def memory(_folder: Path, _request: pytest.FixtureRequest) -> Store:
    return MemoryStore()


async def sqlite(folder: Path, _request: pytest.FixtureRequest) -> Store:
    return await open_store(folder)


async def postgresql(_folder: Path, request: pytest.FixtureRequest) -> Store:
    return await fresh_store(request.getfixturevalue("store_server"))


@pytest.fixture(scope="module")
def store_server(chosen_server: Running) -> Iterator[Running]:
    """The server without the database of these tests afterwards: other tests count databases."""
    yield chosen_server
    drop(chosen_server)


@pytest.fixture(scope="session")
def chosen_server(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    """PostgreSQL 18, or the version of that variable: `make store-versions` sets each."""
    major = os.environ.get("STT_STORE_POSTGRESQL", "")
    if not major:
        yield request.getfixturevalue("postgresql")
        return
    with postgresql_majors.serving_major(int(major), servers_folder / f"store{major}") as running:
        yield running


STORES = {"memory": memory, "sqlite": sqlite, "postgresql": postgresql}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    made = await STORES[request.param](tmp_path, request)
    yield made
    await made.close()
