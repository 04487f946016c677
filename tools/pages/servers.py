"""The page docs/checks-on-servers.md, from the outcome of every check on real servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import CheckOutcome
from tests.support.checks.states import ALL

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "checks-on-servers.md"
TESTS = ROOT / "tests"
SERVERS = {
    Family.MYSQL: ("mariadb", "mysql"),
    Family.POSTGRESQL: ("postgresql", "postgresql15"),
    Family.MONGODB: ("mongodb", "mongodb44"),
}
TITLES = {
    "mariadb": "MariaDB 10.11",
    "mysql": "MySQL 9.7",
    "postgresql": "PostgreSQL 18",
    "postgresql15": "PostgreSQL 15",
    "mongodb": "MongoDB 6.0",
    "mongodb44": "MongoDB 4.4",
}
HEAD = """# Every check on real servers

Written by the tests (`make test`), which fail if a server gives another outcome;
`STT_WRITE_PAGES=1` writes the page anew.

A cell is an installation as its packages make it, looked at by its administrator, before and after
its own findings' remediation was executed (`->`). **Bad** names where the check was seen to find
what it looks for, and to find it no more after the finding's own remediation: servers brought into
the state by statements, tests with files and restarts of their own, or, where no server at hand can
be brought into it, recorded rows alone (samples). The outcome of a check about releases depends
on what is installed: its cell only says that it came to a decision.
"""
DECIDED = "decided"
SAMPLES = "samples"
RANK = {"critical": 0, "major": 1, "trivial": 2}
OTHERS = {"test_least_privilege", "test_library_on_servers"}  # show other things


def outcome(one: CheckOutcome) -> str:
    """One cell: the outcome with its worst severity or its kind."""
    if one.findings:
        return str(min(one.findings, key=lambda finding: RANK[finding.severity]).severity)
    if one.kind is Kind.NOT_APPLICABLE:
        return "n/a"
    return f"{one.outcome} ({one.kind})" if one.kind else str(one.outcome)


def _name(file: Path) -> str:
    return file.name


def bad(check: str) -> str:
    """Where the bad state was shown."""
    servers = {name for state in ALL if state.check == check for name in state.on}
    # The cases of pg_hba.conf name their checks without what all of them share.
    names = {check, check.partition("_hba_")[2] or check}
    pattern = re.compile("|".join(rf'"{name}"' for name in sorted(names)))
    files = [
        file.stem.removeprefix("test_")
        for file in sorted(
            (*TESTS.glob("checks/**/*.py"), *TESTS.glob("support/checks/*.py")), key=_name
        )
        if file.stem not in OTHERS and pattern.search(file.read_text(encoding="utf-8"))
    ]
    shown = [TITLES.get(name, name) for name in sorted(servers)]
    return ", ".join([*shown, *(f"test {name}" for name in files)]) or SAMPLES


def row(check: Check, cells_of: Mapping[str, tuple[str, str]], names: tuple[str, ...]) -> str:
    """One line: the check on each server of its family."""
    cells: list[str] = []
    for name in names:
        before, after = cells_of.get(name, ("", ""))
        changed = before if before == after else f"{before} -> {after}"
        cells.append(DECIDED if check.category == "version" else changed)
    shown = bad(check.name)
    if shown == SAMPLES and any("->" in cell for cell in cells):
        shown = "by default"
    return f"| `{check.name}` | {' | '.join(cells)} | {shown} |\n"


def section(family: Family, cells_of: Mapping[str, Mapping[str, tuple[str, str]]]) -> str:
    """The table of one family; `cells_of` maps a server to before and after by check."""
    names = SERVERS[family]
    titles = " | ".join(TITLES[name] for name in names)
    lines = [f"\n## {family}\n\n| check | {titles} | bad |\n|---|{'---|' * len(names)}---|\n"]
    for check in builtin().of(family):
        mine = {
            name: cells_of[name][check.name]
            for name in names
            if check.name in cells_of.get(name, {})
        }
        lines.append(row(check, mine, names))
    return "".join(lines)
