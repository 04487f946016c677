"""A backup is whole while the store is written, and comes back only where nobody works."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stt_coordinator.store.sqlite.file import backup as copies
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.errors import ConfigError

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
WRITES = 200


async def slots(folder: Path) -> int:
    store = await open_store(folder)
    found = await store.read(lambda ledger: len(ledger.runs.last_slots()))
    await store.close()
    return found


async def filled(folder: Path, number: int) -> None:
    store = await open_store(folder)
    for one in range(number):
        await store.transact(lambda ledger, one=one: ledger.runs.put_slot(f"s{one}", NOW))  # type: ignore[misc]
    await store.close()


async def test_a_backup_while_the_store_is_written_is_whole_and_holds_up_no_writer(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    store = await open_store(state)
    written, halfway = 0, asyncio.Event()

    async def write() -> None:
        nonlocal written
        for one in range(WRITES):
            await store.transact(lambda ledger, one=one: ledger.runs.put_slot(f"s{one}", NOW))  # type: ignore[misc]
            written += 1
            if written == WRITES // 2:
                halfway.set()

    writing = asyncio.create_task(write())
    await halfway.wait()
    made = await asyncio.to_thread(copies.backup, state, tmp_path / "one.db")
    await writing
    await store.close()
    assert (written, made.version) == (WRITES, SCHEMA.version)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    _, kept = copies.restore(made.path, tmp_path / "other", NOW)
    assert kept is None
    assert WRITES // 2 <= await slots(tmp_path / "other") <= WRITES


async def test_a_restore_keeps_the_store_that_was_there(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state, 3)
    made = copies.backup(state, tmp_path / "three.db")
    await filled(state, 5)
    found, kept = copies.restore(made.path, state, NOW)
    assert found.version == SCHEMA.version
    assert await slots(state) == 3
    assert kept == state / f"{FILE}.20261123t160000"
    kept.rename(state / FILE)
    assert await slots(state) == 5


async def test_a_restore_under_a_running_coordinator_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state, 1)
    made = copies.backup(state, tmp_path / "one.db")
    store = await open_store(state)
    with pytest.raises(ConfigError, match="another coordinator uses"):
        copies.restore(made.path, state, NOW)
    await store.close()
    assert await slots(state) == 1


async def test_an_invalid_backup_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await filled(state, 2)
    made = copies.backup(state, tmp_path / "good.db").path
    newer, text, damaged = (tmp_path / name for name in ("newer.db", "text.db", "damaged.db"))
    text.write_text("not a database " * 100)
    newer.write_bytes(made.read_bytes())
    with closing(sqlite3.connect(newer)) as one:
        one.execute(f"PRAGMA user_version = {SCHEMA.version + 1}")
    content = bytearray(made.read_bytes())
    content[8192:40960] = bytes(len(content[8192:40960]))
    damaged.write_bytes(content)
    for path, why in (
        (text, "is not a backup"),
        (newer, f"has version {SCHEMA.version + 1}"),
        (damaged, "damaged|is not a backup"),
        (tmp_path / "none.db", "is not a backup"),
    ):
        with pytest.raises(ConfigError, match=why):
            copies.restore(path, state, NOW)
    assert await slots(state) == 2


async def test_a_backup_overwrites_nothing_and_needs_a_store(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no store in"):
        copies.backup(tmp_path, tmp_path / "x.db")
    await filled(tmp_path / "state", 1)
    (tmp_path / "x.db").write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        copies.backup(tmp_path / "state", tmp_path / "x.db")
    assert (tmp_path / "x.db").read_text() == "mine"
    with pytest.raises(ConfigError, match="cannot copy"):
        copies.backup(tmp_path / "state", tmp_path / "nowhere" / "x.db")
