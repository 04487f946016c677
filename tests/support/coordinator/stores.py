"""Stores written down as SQL: what a file holds, as text, and a file made of such a text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "stores"
ANSWERS = "-- answers: "
SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
MADE = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"


def recorded(what: str) -> dict[int, Path]:
    """The files of `coordinator` or `outbox` by the level of their schema."""
    return {int(file.stem.split("_")[1]): file for file in FOLDER.glob(f"{what}_*.sql")}


def answers_of(file: Path) -> dict[str, Any]:
    """What the program that wrote this store answered of it."""
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    found: dict[str, Any] = json.loads(first.removeprefix(ANSWERS))
    return found


def make(file: Path, store: Path) -> None:
    """A store as the file has it."""
    with closing(sqlite3.connect(store)) as connection:
        connection.executescript(file.read_text(encoding="utf-8"))


def schema(store: Path) -> list[tuple[str, str, str]]:
    """Every table, index and view with the words that made it."""
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute(SCHEMA).fetchall()


def version(store: Path) -> int:
    """The level of its schema."""
    with closing(sqlite3.connect(store)) as connection:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return found


def rows(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table."""
    with closing(sqlite3.connect(store)) as connection:
        names = [name for (name,) in connection.execute(TABLES)]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def write(store: Path, file: Path, answers: Mapping[str, Any]) -> None:
    """Write the store down, with what was answered of it in the first line."""
    lines = [f"{ANSWERS}{json.dumps(answers, sort_keys=True)}", *_lines(store)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(store: Path) -> Iterator[str]:
    yield "BEGIN;"
    with closing(sqlite3.connect(store)) as connection:
        for (sql,) in connection.execute(MADE):
            yield f"{sql};"
        for name, of_table in rows(store).items():
            if name == "sqlite_sequence":
                yield "DELETE FROM sqlite_sequence;"
            for row in of_table:
                yield f"INSERT INTO {name} VALUES ({', '.join(map(_value, row))});"
    yield f"PRAGMA user_version = {version(store)};"
    yield "COMMIT;"


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"CAST({_value(value.decode())} AS BLOB)"
    assert isinstance(value, str)
    return "'" + value.replace("'", "''") + "'"
