"""What every store guarantees of its identity."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.file import backup as copies
from stt_coordinator.store.sqlite.file.identity import fingerprint, identity_in
from stt_coordinator.store.sqlite.store import open_store


async def test_each_store_has_an_id_of_its_own(store: Store, tmp_path: Path) -> None:
    other = await open_store(tmp_path / "other")
    await other.close()
    assert len(store.identity) == 32
    assert len({store.identity, other.identity, MemoryStore().identity}) == 3


async def test_the_id_of_a_file_stays_and_its_backups_have_it_too(tmp_path: Path) -> None:
    state, again = tmp_path / "state", tmp_path / "again"
    store = await open_store(state)
    # Beside its owner, as a standby reads it.
    assert identity_in(state) == store.identity
    await store.close()
    made = copies.backup(state, tmp_path / "one.db")
    copies.restore(made.path, again, datetime(2026, 11, 23, tzinfo=UTC))
    for folder in (state, again):
        opened = await open_store(folder)
        assert opened.identity == store.identity
        await opened.close()
    # Two folders are two locks, even of one store.
    assert fingerprint(state)
    assert fingerprint(state) != fingerprint(again)
    assert fingerprint(tmp_path / "nothing") == ""
    assert identity_in(tmp_path / "nothing") == ""
