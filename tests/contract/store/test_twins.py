"""The twins answer alike: the same random fleet and history, asked in the same random ways."""

from __future__ import annotations

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from tests.support.coordinator import twins


@pytest.mark.parametrize("seed", range(5))
async def test_twins_answer_alike_before_and_after_pruning(seed: int, store: Store) -> None:
    await twins.compare(seed, MemoryStore(), store)
