"""Nothing that users see by name changes by accident: the code against its recorded copies."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tools import record_surface
from tools.surface import RECORDED, SURFACE, text_of

SHOWN = 40  # differences
AGAIN = "If that is meant: python -m tools.record_surface, and say so in CHANGELOG.md."


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """What changed, each with the place of the value in the file."""
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for key in sorted(before.keys() | after.keys()):
            yield from _of_key(before, after, key, f"{place} > {key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(old, new, place)
    elif old != new:
        yield f"changed: {place}: was {json.dumps(old)}, is {json.dumps(new)}"


def _of_key(old: dict[str, Any], new: dict[str, Any], key: str, place: str) -> Iterator[str]:
    if key not in new:
        yield f"gone: {place}"
    elif key not in old:
        yield f"new: {place}"
    else:
        yield from differences(old[key], new[key], place)


def _of_lists(old: list[Any], new: list[Any], place: str) -> Iterator[str]:
    gone = [one for one in old if one not in new]
    added = [one for one in new if one not in old]
    yield from (f"gone: {place}: {json.dumps(one)}" for one in gone)
    yield from (f"new: {place}: {json.dumps(one)}" for one in added)
    if old != new and not gone and not added:
        yield f"changed: {place}: the order or the number of its entries"


@pytest.mark.parametrize("name", SURFACE)
def test_what_users_see_by_name_is_as_recorded(name: str) -> None:
    recorded = (RECORDED / f"{name}.json").read_text(encoding="utf-8")
    text = text_of(SURFACE[name]())
    found = list(differences(json.loads(recorded), json.loads(text)))
    shown = "\n".join(found[:SHOWN])
    assert not found, f"{len(found)} changes in {name}:\n{shown}\n{AGAIN}"
    assert recorded == text + "\n", AGAIN  # byte for byte


def test_every_recorded_file_belongs_to_something_that_is_read() -> None:
    assert {path.stem for path in RECORDED.iterdir()} == set(SURFACE)


def test_the_command_writes_a_file_for_each_kind_of_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_surface, "SURFACE", {"one": lambda: {"b": 1, "a": "é"}})
    monkeypatch.setattr(sys, "argv", ["record_surface", str(tmp_path / "surface")])
    record_surface.main()
    (path,) = (tmp_path / "surface").iterdir()
    assert path.name == "one.json"
    assert path.read_text(encoding="utf-8") == text_of({"b": 1, "a": "é"}) + "\n"


def test_a_change_is_named_by_its_place() -> None:
    old = {"a": {"b": 1, "gone": 2}, "list": ["x", "y"], "order": [1, 2]}
    new = {"a": {"b": 3, "new": 2}, "list": ["y", "z"], "order": [2, 1]}
    assert list(differences(old, new)) == [
        "changed: a > b: was 1, is 3",
        "gone: a > gone",
        "new: a > new",
        'gone: list: "x"',
        'new: list: "z"',
        "changed: order: the order or the number of its entries",
    ]
