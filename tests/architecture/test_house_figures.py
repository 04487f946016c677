"""What `make house` prints is counted as its names say, on any tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import FLOWS, figures, flows, main, sources

ONE = '''"""One."""
from stt_a.two import deep
from stt_a import three
import os

# A comment of its own line.
LIMIT = 1  # one beside code


def speak(n: int) -> int:
    """Say; raises ValueError below zero."""
    if n < 0:
        raise ValueError(n)
    return _once(_twice(n)) + _twice(n)


def silent() -> None:
    raise KeyError


def _once(n: int) -> int:
    return n


def _twice(n: int) -> int:
    try:
        return n
    except ValueError:
        raise
'''
DEEP = '''"""Two."""
from typing import Protocol
import stt_a.three


class Port(Protocol):
    """A port."""

    def take(self) -> None:
        """Take."""
'''
THREE = '''"""Three."""


class Ledger:
    def record(self) -> None:
        pass
'''
STORY = """# It

## Flows

### Result to store

1. `one.speak` hands to `deep.Port.take`, see `KEY` and `a b.c`.
2. `three.Ledger.record` and back in `stt_a.one.silent`.

## Else

### No flow

`one.speak`
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "half/stt_a/__init__.py": '"""A."""\n',
        "half/stt_a/one.py": ONE,
        "half/stt_a/two/__init__.py": '"""Two."""\n',
        "half/stt_a/two/deep.py": DEEP,
        "half/stt_a/three.py": THREE,
        FLOWS: STORY,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_figures_are_counted_correctly(tree: Path) -> None:
    lines = sum(text.count("\n") for text in (ONE, DEEP, THREE)) + 2
    expected = {
        "lines": f"{lines}",
        "functions": "6",
        "  private, used once": "1 (16.7%)",
        "files": "5",
        "ports": "1",
        "folders": "2",
        "  most files in one": "2",
        "own-line comments per 100 lines": f"{100 / lines:.1f}",
        "public functions that raise": "2",
        "  and say so": "1 (50%)",
        "stt_a, rooms": "3",
        "stt_a, arrows between rooms": "3",
        "flow: Result to store, stays": "4",
        "flow: Result to store, returns": "1",
    }
    found = figures(tree)
    assert {name: found.get(name) for name in expected} == expected


def test_a_port_is_what_holds_little_but_protocols(tree: Path) -> None:
    assert [source.path.name for source in sources(tree) if source.is_port] == ["deep.py"]


def test_flows_are_the_functions_in_backticks_below_their_heading(tree: Path) -> None:
    names = ["one.speak", "deep.Port.take", "three.Ledger.record", "stt_a.one.silent"]
    assert flows(tree) == {"Result to store": names}


def test_two_trees_stand_side_by_side(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "old" / "half" / "stt_b").mkdir(parents=True)
    (tree / "old" / "half" / "stt_b" / "one.py").write_text(ONE)
    main([str(tree / "old"), str(tree)])
    rows = {line[:30].strip(): line.split()[-2:] for line in capsys.readouterr().out.splitlines()}
    assert rows["files"] == ["1", "5"]
    assert rows["stt_b, rooms"] == ["1", "-"]
    assert rows["stt_a, rooms"] == ["-", "3"]


def test_a_tree_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no packages"):
        figures(tmp_path)
