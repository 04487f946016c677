"""The house stands as the packaging and the house rules believe it does."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE_OF = {"coordinator": "stt_coordinator", "worker": "stt_worker", "shared": "stt_shared"}
MAX_FILE_LINES, MAX_CLASS_LINES, MAX_FUNCTION_LINES, MAX_MEDIAN_LINES = 500, 250, 60, 10


def sources() -> Iterator[tuple[Path, str]]:
    for folder in PACKAGE_OF:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def length(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def functions() -> Iterator[tuple[str, int]]:
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.lineno} {node.name}", length(node)


def classes() -> Iterator[tuple[str, int]]:
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                yield f"{path}:{node.lineno} {node.name}", length(node)


def test_each_folder_holds_only_its_own_package() -> None:
    """A module beside the package would be importable in a checkout and missing from the wheel."""
    for folder, package in PACKAGE_OF.items():
        python = {p.name for p in (ROOT / folder).iterdir() if p.is_dir() or p.suffix == ".py"}
        assert python - {"__pycache__"} == {package}


def test_no_other_distribution_claims_our_names() -> None:
    """Two wheels with one top-level name overwrite each other without a word."""
    owners = packages_distributions()
    for package in PACKAGE_OF.values():
        assert set(owners.get(package, ["security-threat-tool"])) == {"security-threat-tool"}


def test_every_module_opens_with_one_sentence_saying_its_job() -> None:
    silent = [str(path) for path, source in sources() if not ast.get_docstring(ast.parse(source))]
    assert silent == []


def test_no_file_is_too_long_to_read_at_one_sitting() -> None:
    assert [str(p) for p, source in sources() if source.count("\n") > MAX_FILE_LINES] == []


def test_no_class_is_too_long() -> None:
    assert [(name, n) for name, n in classes() if n > MAX_CLASS_LINES] == []


def test_no_function_is_too_long_and_most_are_short() -> None:
    found = list(functions())
    assert [(name, n) for name, n in found if n > MAX_FUNCTION_LINES] == []
    assert statistics.median(n for _, n in found) <= MAX_MEDIAN_LINES
