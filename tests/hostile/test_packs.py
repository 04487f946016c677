"""A pack never raises and never waits: what is wrong is a fault, and the other checks load."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stt_shared.checkfile import catalogue, folder
from stt_shared.checkfile.linting import lint
from stt_shared.checkfile.parse import parse_checks
from stt_shared.checkfile.samples import parse_samples
from stt_shared.checkfile.yaml.reader import MAX_BYTES
from stt_shared.errors import ConfigError
from stt_shared.pack import build, load
from stt_shared.pack.archive import decode, encode, make

GOOD: dict[str, Any] = {
    "version": 2,
    "name": "pg_good",
    "summary": "Something is wrong",
    "description": "An attacker gains something.",
    "family": "POSTGRESQL",
    "interval": "rare",
    "category": "configuration",
    "aliases": ["other"],
    "references": ["CWE-1"],
    "privileges": {"postgresql": ["pg_monitor"]},
    "remediation": "Undo it.",
    "parts": ["piece"],
    "queries": [
        {"type": "POSTGRESQL_SELECT", "query": "1 AS one", "parameters": {"all_dbs": True}},
        {"type": "MONGODB_COMMAND", "query": {"hello": 1}, "when": "mongodb", "name": "a"},
    ],
    "script": "def check_context(docs, context):\n    return []\n",
}
TEXT = yaml.safe_dump({"checks": [GOOD | {"queries": GOOD["queries"][:1], "parts": []}]})
SECONDS = 10.0  # of CPU


def names(found: catalogue.Catalogue) -> list[str]:
    return list(found.checks)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A folder with one good check, of ours and as one of PMM's."""
    good = tmp_path / "postgresql" / "pg_good"
    good.mkdir(parents=True)
    (good / "check.yaml").write_text(TEXT)
    return tmp_path


def written(at: Path, data: bytes) -> None:
    at.mkdir()
    (at / "check.yaml").write_bytes(data)


def sparse(at: Path) -> None:
    written(at, b"")
    os.truncate(at / "check.yaml", 2**40)


def pipe(at: Path) -> None:
    at.mkdir()
    os.mkfifo(at / "check.yaml")


def linked(at: Path, target: str) -> None:
    at.mkdir()
    (at / "check.yaml").symlink_to(target)


def endless_link(path: Path) -> None:
    path.mkdir()
    (path / "again").symlink_to(path)
    (path / "check.yaml").symlink_to("check.yaml")


SHAPES: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a folder in place of the file": lambda at: (at / "check.yaml").mkdir(parents=True),
    "links that lead to themselves": endless_link,
    "a dangling link": lambda at: linked(at, "nowhere"),
    "a device": lambda at: linked(at, "/dev/zero"),
    "a huge file": lambda at: written(at, b"#" * (MAX_BYTES + 1)),
    "a sparse file of a terabyte": sparse,
    "bytes that are no text": lambda at: written(at, b"checks:\n- \xff\xfe"),
    "another encoding": lambda at: written(at, TEXT.encode("utf-16")),
    "zeros": lambda at: written(at, b"\0" * 1_000),
    "base-60 integers": lambda at: written(at, b"- 1:00:00:00:00\n" * 10_000),
    "hexadecimal integers": lambda at: written(at, b"- 0x" + b"f" * 200_000),
    "a thousand documents": lambda at: written(at, b"--- {checks: []}\n" * 1_000),
    "deep nesting": lambda at: written(at, b"[" * 500_000),
    "a cycle": lambda at: written(at, b"checks: &a [*a]"),
    "a set": lambda at: written(at, b"checks: !!set {a, b}"),
    "lists for words": lambda at: written(at, b"checks: [{version: [2], name: {}, family: []}]"),
    "no mapping": lambda at: written(at, b"7"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_lies_in_a_folder_is_a_fault_and_the_other_check_loads(
    pack: Path, shape: str
) -> None:
    SHAPES[shape](pack / "postgresql" / "pg_bad")
    started = time.process_time()
    for strict in (True, False):
        found = catalogue.load(pack, strict=strict)
        assert names(found) == ["pg_good"], found.faults
        assert any("pg_bad" in fault.source and fault.line >= 1 for fault in found.faults)
        assert all(str(fault).encode() for fault in found.faults)
    assert any("pg_bad" in fault for fault in lint(pack).faults)
    unsigned = load.load(build.of_folder(pack, "x"))
    assert names(unsigned) == ["pg_good"]
    assert time.process_time() - started < SECONDS


def test_a_name_that_is_not_utf_8_is_a_fault(pack: Path) -> None:
    name = os.fsencode(pack) + b"/\xff.yaml"
    with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123  # a name in bytes
        file.write(TEXT)
    found = catalogue.load(pack, strict=False)
    assert names(found) == ["pg_good"]
    assert [str(one) for one in found.faults] == [f"{pack}/\\xff.yaml:1: its name is not UTF-8"]


def test_a_file_that_may_not_be_read_is_a_fault(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pack / "closed.yaml").write_text(TEXT)
    real = os.open

    def refusing(path: Any, flags: int) -> int:
        if "closed" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(os, "open", refusing)  # root reads everything
    found = catalogue.load(pack, strict=False)
    assert names(found) == ["pg_good"]
    assert "permission denied" in str(found.faults[0])


def test_more_bytes_than_a_folder_may_have_are_faults(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_TOTAL_BYTES", len(TEXT) + 100)
    for number in range(3):
        (pack / f"z{number}.yaml").write_text(TEXT.replace("pg_good", f"pg_z{number}"))
    found = catalogue.load(pack, strict=False)
    assert names(found) == ["pg_good"]
    assert len(found.faults) >= 1


def test_more_files_than_a_folder_may_have_are_a_fault(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_ENTRIES", 5)
    for number in range(10):
        (pack / f"{number}.txt").touch()
    assert any("more than 5 files" in str(one) for one in catalogue.load(pack, strict=False).faults)


def test_a_file_and_a_folder_of_one_name_in_a_pack_hide_no_check() -> None:
    start, end = build.EVER
    files = {
        "a": b"x",
        "a/check.yaml": TEXT.encode(),
        "postgresql/pg_good/check.yaml": TEXT.encode(),
        "postgresql/pg_good/check.yaml/check.yaml": b"checks: []",
        "releases.yaml": b"- 7",
        "parts/piece.yaml": b"parts: 7",
    }
    made = make(files, name="x", serial=1, created=start, expires=end)
    found = load.load(decode(encode(made)))
    assert names(found) == ["pg_good"]
    assert {fault.source for fault in found.faults} == {
        *("a/check.yaml", "releases.yaml", "parts/piece.yaml"),
        "postgresql/pg_good/check.yaml/check.yaml",
    }


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value, the whole first."""
    below = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [path, *(one for key, item in below for one in places(item, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of `value` with `new` at `path`."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


@given(st.sampled_from(places(GOOD)), VALUES)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_at_any_place_of_a_check_gives_a_check_or_faults(
    path: tuple[Any, ...], new: Any
) -> None:
    text = yaml.safe_dump({"checks": [changed(GOOD, path, new)]}, allow_unicode=False)
    part = {"name": "piece", "queries": [{"type": "POSTGRESQL_SELECT", "query": "2"}]}
    for strict in (True, False):
        found = parse_checks(text, "f", strict=strict, parts={"piece": part})
        assert found.checks or found.faults
        assert all(fault.line >= 1 and len(str(fault)) < 2_000 for fault in found.faults)


PART = {
    "name": "piece",
    "description": "d",
    "queries": [{"type": "POSTGRESQL_SELECT", "query": "2 AS two"}],
    "privileges": {"postgresql": ["pg_monitor"]},
    "script": "def two():\n    return 2\n",
}
FILES = {
    "parts/piece.yaml": {"parts": [PART]},
    "releases.yaml": {"as_of": "2026-11-29", "series": [{"latest": [1, 2]}]},
    "postgresql/pg_good/check.yaml": {"checks": [GOOD | {"queries": GOOD["queries"][:1]}]},
}


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_at_any_place_of_a_pack_gives_checks_or_faults(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    path = data.draw(st.sampled_from(places(FILES[name])))
    files = FILES | {name: changed(FILES[name], path, data.draw(VALUES))}
    found = catalogue.of_files(
        {one: yaml.safe_dump(value).encode() for one, value in files.items()}, strict=True
    )
    assert found.checks or found.faults
    assert isinstance(found.pack, str)
    assert isinstance(found.as_of, str)


SAMPLE = {
    "name": "a",
    "server": {"flavour": "postgresql", "version": [18, 1]},
    "docs": [[{"one": 1}]],
    "releases": {"as_of": "2026-11-29"},
    "now": "2026-11-29T12:00:00Z",
    "expect": "failed",
    "reason": "r",
    "findings": [{"severity": "major", "object": "o", "summary": "s"}],
}


@given(st.sampled_from(places(SAMPLE)), VALUES)
def test_any_value_at_any_place_of_a_sample_gives_samples_or_faults(
    path: tuple[Any, ...], new: Any
) -> None:
    text = yaml.safe_dump({"samples": [changed(SAMPLE, path, new)]})
    with contextlib.suppress(ConfigError):
        assert parse_samples(text, "f")
