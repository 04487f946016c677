"""Once a later epoch has begun in a store, no coordinator of an earlier one writes it any more."""

from __future__ import annotations

import pytest

from stt_coordinator.store.port import Store, StoreDeposedError
from tests.support.coordinator.store_rows import run


async def test_a_store_without_an_epoch_is_written_and_has_none(store: Store) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))
    assert await store.epoch() == 0


async def test_the_epoch_is_kept_and_never_goes_back(store: Store) -> None:
    await store.begin(4)
    await store.begin(4)  # again, as after an answer that got lost
    await store.begin(7)
    with pytest.raises(StoreDeposedError, match="epoch 7"):
        await store.begin(5)
    assert await store.epoch() == 7
    await store.transact(lambda ledger: ledger.runs.put(run()))
