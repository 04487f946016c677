"""Statements are read from files by name, and share fragments."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.sqlfile import statements


def read(folder: Path, text: str) -> dict[str, str]:
    file = folder / "queries.sql"
    file.write_text(text)
    return statements(file)


def test_a_statement_is_what_stands_below_its_name(tmp_path: Path) -> None:
    text = "-- All.\n-- name: one\nSELECT 1;\n\n-- Why two.\n-- name: two\nSELECT 2\nFROM t;\n"
    assert read(tmp_path, text) == {"one": "SELECT 1", "two": "SELECT 2\nFROM t"}


def test_a_fragment_stands_wherever_it_is_named_also_in_another_fragment(tmp_path: Path) -> None:
    text = (
        "-- fragment: a\nx = 1\n-- fragment: b\n{{a}} AND y\n"
        "-- name: q\nSELECT {{b}}, '{c}', {{a}};\n"
    )
    assert read(tmp_path, text) == {"q": "SELECT x = 1 AND y, '{c}', x = 1"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT 1;\n-- name: q\nSELECT 2;\n", "before the first name"),
        ("-- name: q\nSELECT 1;\n-- name: q\nSELECT 2;\n", "'q' twice"),
        ("-- name: q\nSELECT {{a}};\n-- fragment: a\nx\n", "'a' before it is defined"),
    ],
)
def test_what_cannot_be_meant_is_an_error(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(tmp_path, text)
