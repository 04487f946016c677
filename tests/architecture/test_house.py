"""The layout of the repository matches the packaging and the rules of the house."""

from __future__ import annotations

import ast
import statistics
from importlib.metadata import packages_distributions
from pathlib import Path

from tools.house import MAX_FUNCTION_LINES, length, packages, sources

ROOT = Path(__file__).parents[2]
CODE = sources(ROOT)
PACKAGES = {path.parent.name: path.name for path in packages(ROOT)}
MAX_CLASS_LINES, MAX_MEDIAN_LINES = 250, 10


def test_each_folder_holds_only_its_own_package() -> None:
    """A module beside the package would be importable in a checkout and missing from the wheel."""
    for folder, package in PACKAGES.items():
        python = {p.name for p in (ROOT / folder).iterdir() if p.is_dir() or p.suffix == ".py"}
        assert python - {"__pycache__"} == {package}


def test_no_other_distribution_claims_our_names() -> None:
    """Two wheels with one top-level name overwrite each other without a word."""
    owners = packages_distributions()
    for package in PACKAGES.values():
        assert set(owners.get(package, ["security-threat-tool"])) == {"security-threat-tool"}


def test_every_module_opens_with_one_sentence_saying_its_job() -> None:
    silent = [str(source.path) for source in CODE if not ast.get_docstring(source.tree)]
    assert silent == []


def test_no_class_is_too_long() -> None:
    found = [
        (f"{source.path}:{node.lineno} {node.name}", length(node))
        for source in CODE
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    ]
    assert [(name, lines) for name, lines in found if lines > MAX_CLASS_LINES] == []


def test_no_function_is_too_long_and_most_are_short() -> None:
    found = [
        (f"{source.path}:{node.lineno} {node.name}", length(node))
        for source in CODE
        for node in source.functions
    ]
    assert [(name, lines) for name, lines in found if lines > MAX_FUNCTION_LINES] == []
    assert statistics.median(lines for _, lines in found) <= MAX_MEDIAN_LINES
