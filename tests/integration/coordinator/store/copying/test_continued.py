"""A copy that ended anywhere is continued by the same command, and is never half a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.store.copying import copy
from stt_coordinator.store.copying.postgresql import UNFINISHED
from stt_coordinator.store.port import StoreError
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import faultpoint
from tests.support.coordinator.copied_stores import copied

ENDED = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
)
ACTING = 0x535454 + 2


class StoppedError(Exception):
    """What ends a command in the middle."""


@contextmanager
def stopped(monkeypatch: pytest.MonkeyPatch, point: str, after: int) -> Generator[None]:
    """The command ends when it reaches `point` for the `after`th time."""
    hits = 0

    def reach(name: str) -> None:
        nonlocal hits
        hits += name == point
        if hits == after:
            raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(copy, "BATCH_ROWS", 7)
        patched.setattr(faultpoint, "reach", reach)
        try:
            yield
        except StoppedError:
            return
    raise AssertionError(f"{point} was reached {hits} times")


@pytest.mark.parametrize("after", [1, 2, 12, 30])
async def test_a_command_that_ends_is_continued_both_ways(
    after: int,
    state: Path,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with stopped(monkeypatch, copy.MID_COPY, after):
        copied(state, database)
    there = copied(state, database)
    assert 0 < there.copied < there.rows - 1
    with stopped(monkeypatch, copy.MID_COPY, after):
        copied(database, tmp_path / "back")
    assert not (tmp_path / "back" / FILE).exists()
    back = copied(database, tmp_path / "back")
    assert back.copied == there.copied
    assert back.tables[3].digest == there.tables[3].digest


async def test_a_command_that_ends_before_the_last_step_has_only_that_left(
    state: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped(monkeypatch, copy.BEFORE_FINISH, 1):
        copied(state, database)
    with psycopg.connect(database) as session:
        assert session.execute("SELECT to_regnamespace('stt')").fetchone() == (None,)
    assert copied(state, database).copied == 0
    with stopped(monkeypatch, copy.BEFORE_FINISH, 1):
        copied(database, tmp_path / "back")
    assert copied(database, tmp_path / "back").copied == 0
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [FILE, "coordinator.lock"]


async def test_rows_that_changed_between_two_commands_are_copied_again(
    state: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped(monkeypatch, copy.BEFORE_FINISH, 1):
        copied(state, database)
    store = await open_store(state)
    await store.transact(lambda ledger: ledger.history.put_cursor("mail", 5))
    await store.close()
    again = copied(state, database)
    assert {one.table: one.copied for one in again.tables if one.copied} == {"cursors": 1}
    with psycopg.connect(database) as session:
        assert session.execute("SELECT position FROM stt.cursors").fetchall() == [(5,)]


async def test_a_coordinator_that_starts_on_the_target_ends_a_copy(
    state: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_session(name: str) -> None:
        if name == copy.MID_COPY:
            with psycopg.connect(database) as other:
                assert other.execute(ENDED, (ACTING,)).fetchall() == [(True,)]

    with monkeypatch.context() as patched:
        patched.setattr(faultpoint, "reach", end_session)
        with pytest.raises(StoreError, match="terminating connection") as caught:
            copied(state, database)
    assert "the same command continues" in caught.value.hint
    assert copied(state, database).copied > 0


async def test_a_copy_that_another_release_began_is_begun_again(
    state: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped(monkeypatch, copy.BEFORE_FINISH, 1):
        copied(state, database)
    with psycopg.connect(database) as session:
        session.execute(f"UPDATE {UNFINISHED}.schema_version SET version = 14".encode())
        session.execute(f"DROP TABLE {UNFINISHED}.cursors".encode())
    again = copied(state, database)
    assert again.copied == again.rows - 1
    with stopped(monkeypatch, copy.BEFORE_FINISH, 1):
        copied(database, tmp_path / "back")
    half = tmp_path / "back" / f"{FILE}.copy"
    with closing(sqlite3.connect(half)) as file:
        file.execute("PRAGMA user_version = 14")
    assert copied(database, tmp_path / "back").copied == again.copied


async def test_an_empty_store_at_the_target_is_kept_aside(
    state: Path, database: str, tmp_path: Path
) -> None:
    await (await open_store(tmp_path / "back")).close()
    copied(state, database)
    copied(database, tmp_path / "back")
    kept = [path for path in (tmp_path / "back").iterdir() if path.name.startswith(f"{FILE}.2")]
    assert len(kept) == 1
