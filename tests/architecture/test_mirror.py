"""The tests mirror the packages: the tests of a room stand in a folder of its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.house import packages

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PACKAGES = {path.parent.name: path for path in packages(ROOT)}
# Fakes of servers that only hostile tests know, rounds that make targets run, installers of
# real servers, and this folder's list.
WITH_HELPERS = {"hostile", "faults", "servers", "support", "architecture"}
FROM_TESTS = re.compile(r"^ *(?:from|import) tests\.[\w.]*\btest_\w+", re.MULTILINE)


def folders(of: Path) -> list[Path]:
    return [path for path in of.rglob("*") if path.is_dir() and path.name != "__pycache__"]


@pytest.mark.parametrize("kind", ["unit", "integration"])
@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_every_folder_of_tests_is_a_room_of_its_package(kind: str, package: str) -> None:
    mirror = TESTS / kind / package
    found = {path.relative_to(mirror) for path in folders(mirror)}
    assert found
    assert {str(path) for path in found if not (PACKAGES[package] / path).is_dir()} == set()


def test_every_unit_test_stands_in_the_mirror_of_a_package() -> None:
    unit = TESTS / "unit"
    assert {path.name for path in unit.iterdir() if path.is_dir()} - {"__pycache__"} == {*PACKAGES}
    assert {path.name for path in unit.glob("*.py")} == {"conftest.py"}


def test_helpers_of_tests_stand_in_support() -> None:
    """A helper beside tests is found by nobody else, and written a second time."""
    helpers = [
        path.relative_to(TESTS)
        for path in TESTS.rglob("*.py")
        if not path.name.startswith("test_") and path.name not in {"conftest.py", "__init__.py"}
    ]
    assert [str(path) for path in helpers if path.parts[0] not in WITH_HELPERS] == []


def test_no_file_imports_from_a_file_of_tests() -> None:
    """Such a file could be neither split nor moved, and its fixtures come along unseen."""
    found = [path for path in TESTS.rglob("*.py") if FROM_TESTS.search(path.read_text())]
    assert [str(path.relative_to(TESTS)) for path in found] == []
