"""The stores that have to keep the guarantees; a new adapter is one more entry of STORES."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.store import open_store
from tests.support.coordinator.postgresql_stores import fresh_store


async def memory(_folder: Path, _request: pytest.FixtureRequest) -> Store:
    return MemoryStore()


async def sqlite(folder: Path, _request: pytest.FixtureRequest) -> Store:
    return await open_store(folder)


async def postgresql(_folder: Path, request: pytest.FixtureRequest) -> Store:
    return await fresh_store(request.getfixturevalue("store_server"))


STORES = {"memory": memory, "sqlite": sqlite, "postgresql": postgresql}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    made = await STORES[request.param](tmp_path, request)
    yield made
    await made.close()
