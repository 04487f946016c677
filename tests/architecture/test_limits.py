"""No file is too long to read at one sitting; what still is stands in a list that only shrinks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.architecture.allowed import LONG_FILES, LONG_PORTS
from tools.house import MAX_FILE_LINES, MAX_FOLDER_FILES, MAX_PORT_LINES, sources

ROOT = Path(__file__).parents[2]
NOT_OURS = frozenset({"build", "dist", "node_modules"})


def over_the_limit() -> set[str]:
    """Every Python file of the repository with too many lines."""
    folders = [
        folder
        for folder in ROOT.iterdir()
        if folder.is_dir() and folder.name[0] != "." and folder.name not in NOT_OURS
    ]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(files) > len(sources(ROOT)), "the tests are looked at as well"
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.read_text(encoding="utf-8").count("\n") > MAX_FILE_LINES
    }


def test_no_file_is_over_300_lines_but_those_listed() -> None:
    assert over_the_limit() - LONG_FILES == set()


def test_no_port_is_over_150_lines_but_those_listed() -> None:
    ports = [source for source in sources(ROOT) if source.is_port]
    assert ports
    long = {port.path.as_posix() for port in ports if port.lines > MAX_PORT_LINES}
    assert long - LONG_PORTS == set()


def test_no_folder_has_over_15_modules() -> None:
    code = [source for source in sources(ROOT) if source.path.stem != "__init__"]
    folders = Counter(source.path.parent.as_posix() for source in code)
    assert folders
    assert {name: n for name, n in folders.items() if n > MAX_FOLDER_FILES} == {}


def test_every_entry_of_the_lists_is_still_needed() -> None:
    ports = {port.path.as_posix() for port in sources(ROOT) if port.lines > MAX_PORT_LINES}
    assert LONG_FILES - over_the_limit() == set(), "shorter now: take it off LONG_FILES"
    assert LONG_PORTS - ports == set(), "shorter now: take it off LONG_PORTS"
