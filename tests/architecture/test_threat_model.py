"""The threat model names tests that exist, every hostile test file, and every table of settings."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, kinds))


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 40
    missing = [f"{path}::{name}" for path, name in NAMED if not (ROOT / path).exists()]
    missing += [
        f"{path}::{name}"
        for path, name in NAMED
        if (ROOT / path).exists() and name not in functions(path)
    ]
    assert missing == []


def test_every_row_of_the_page_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    acts = [row for row in rows if not row.startswith(("| act |", "| table |"))]
    assert [row for row in acts if "::test_" not in row and "session-settings" not in row] == []


def test_every_file_of_hostile_tests_is_named() -> None:
    files = {str(one.relative_to(ROOT)) for one in (ROOT / "tests/hostile").rglob("test_*.py")}
    assert files - {path for path, _ in NAMED} == set()


def test_every_table_of_session_settings_is_linked() -> None:
    tables = {one.name for one in DOCS.glob("session-settings-*.md")}
    assert {name for name in tables if f"({name})" not in PAGE} == set()


def test_the_page_is_linked_from_the_start() -> None:
    assert "docs/threat-model.md" in (ROOT / "README.md").read_text(encoding="utf-8")
