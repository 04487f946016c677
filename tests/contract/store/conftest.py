"""The stores that have to keep the guarantees; a new adapter is one more entry of STORES."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.store import open_store


async def memory(_folder: Path) -> Store:
    return MemoryStore()


async def sqlite(folder: Path) -> Store:
    return await open_store(folder)


STORES = {"memory": memory, "sqlite": sqlite}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    made = await STORES[request.param](tmp_path)
    yield made
    await made.close()
