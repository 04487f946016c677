"""A SQLite file reaches the newest schema whole, or stays as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from stt_shared.errors import ConfigError
from stt_shared.sqlite.migrations import Schema, schema

FILE = Path("file.db")


def of(*scripts: str) -> Schema:
    return Schema(what="store", owner="coordinator", scripts=scripts)


@pytest.fixture
def connection() -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_schema ORDER BY name")
    return [name for (name,) in found]


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_only_what_is_missing_is_applied(connection: sqlite3.Connection) -> None:
    of("CREATE TABLE a (x);").upgrade(connection, FILE)
    of("CREATE TABLE a (x);", "CREATE TABLE b (x);").upgrade(connection, FILE)
    assert (tables(connection), version(connection)) == (["a", "b"], 2)


def test_a_migration_that_fails_takes_those_before_it_along(connection: sqlite3.Connection) -> None:
    broken = of("CREATE TABLE a (x);", "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        broken.upgrade(connection, FILE)
    connection.execute("ROLLBACK")
    assert (tables(connection), version(connection)) == ([], 0)


def test_a_newer_file_is_rejected_and_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 7")
    with pytest.raises(ConfigError, match=r"store file.db has version 7, .* up to 1") as caught:
        of("CREATE TABLE a (x);").upgrade(connection, FILE)
    assert "newer coordinator" in caught.value.hint
    assert (tables(connection), version(connection)) == ([], 7)


def test_migrations_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        (tmp_path / f"000{number}_step.sql").write_text(f"-- {number}")
    (tmp_path / "notes.txt").touch()
    assert schema("store", "coordinator", tmp_path).scripts == ("-- 1", "-- 2", "-- 3")


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_a_number_that_is_missing_or_comes_twice_is_an_error(
    tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="not numbered"):
        schema("store", "coordinator", tmp_path)
