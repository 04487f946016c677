"""The coordinator tells how its store's file is, and never writes it to find out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sqlite.file import backup
from stt_coordinator.store.sqlite.file import health as sqlite_health
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.coordinators import StoreHealth

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
ROWS = 2_000
PAGE = 4_096


def health(path: Path) -> StoreHealth:
    return sqlite_health.with_sizes(sqlite_health.pages(path, SCHEMA.version), path)


async def filled(folder: Path) -> Path:
    store = await open_store(folder)
    await store.transact(fill)
    await store.close()
    return folder / FILE


def fill(ledger: Ledger) -> None:
    for number in range(ROWS):
        ledger.runs.put_slot(f"s{number}", NOW)


async def test_a_sound_store_tells_its_schema_size_and_room(tmp_path: Path) -> None:
    state = tmp_path / "state"
    store = await open_store(state)
    found = await store.health()
    await store.close()
    assert (found.sound, found.fault) == (True, "")
    assert (found.version, found.knows) == (SCHEMA.version, SCHEMA.version)
    assert found.size_bytes
    assert found.free_bytes
    assert (found.open_to_others, found.backup) == (False, None)


async def test_a_page_that_was_overwritten_is_found(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    data = bytearray(path.read_bytes())
    data[-8 * PAGE :] = b"\xff" * 8 * PAGE
    path.write_bytes(data)
    found = health(path)
    assert found.sound is False
    assert found.fault


async def test_looking_writes_nothing(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    before = path.read_bytes()
    path.chmod(0o400)
    health(path)
    assert path.read_bytes() == before


def test_a_file_that_is_missing_or_not_a_store_is_reported_and_not_created(tmp_path: Path) -> None:
    path = tmp_path / FILE
    gone = health(path)
    assert gone.sound is False
    assert "no such file" in gone.fault
    assert not path.exists()
    path.write_bytes(b"no store" * 1_000)
    assert health(path).sound is False


async def test_a_store_too_large_to_read_in_time_is_neither_sound_nor_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await filled(tmp_path)
    monkeypatch.setattr(sqlite_health, "READ_S", -1.0)
    monkeypatch.setattr(sqlite_health, "STEPS", 1)
    found = health(path)
    assert found.sound is None
    assert found.fault.startswith("not all of it could be read")


async def test_the_last_backup_is_known(tmp_path: Path) -> None:
    path = await filled(tmp_path / "state")
    backup.backup(path.parent, tmp_path / "copy.db")
    assert health(path).backup is not None


async def test_a_folder_that_others_may_read_is_reported(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    path.parent.chmod(0o755)
    assert health(path).open_to_others is True


async def test_the_file_is_read_once_a_minute_however_often_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def look(path: Path, _knows: int) -> StoreHealth:
        asked.append(path)
        return StoreHealth(sound=True)

    monkeypatch.setattr(sqlite_health, "pages", look)
    store = await open_store(tmp_path)
    for _ in range(3):
        assert (await store.health()).sound
    await store.close()
    assert len(asked) == 1
