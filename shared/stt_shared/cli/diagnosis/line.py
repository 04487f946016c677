"""One thing that the doctor looked at: how it is, what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stt_shared.errors import EXIT_INCOMPLETE
from stt_shared.report import words


class Level(StrEnum):
    """How bad it is; only `fail` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing looked at, what was seen, and what to do about it."""

    level: Level
    what: str
    seen: str
    todo: str = ""
    exit_code: int = EXIT_INCOMPLETE


def ok(what: str, seen: str) -> Line:
    """It is as it should be."""
    return Line(level=Level.OK, what=what, seen=seen)


def warn(what: str, seen: str, todo: str) -> Line:
    """It works, and could bite."""
    return Line(level=Level.WARN, what=what, seen=seen, todo=todo)


def fail(what: str, seen: str, todo: str) -> Line:
    """It does not work."""
    return Line(level=Level.FAIL, what=what, seen=seen, todo=todo)


def verdict(lines: Iterable[Line]) -> tuple[int, str]:
    """The exit code of all lines, the most severe first, and why."""
    failed = [line for line in lines if line.level is Level.FAIL]
    if not failed:
        return 0, ""
    worst = max(failed, key=lambda line: line.exit_code)
    return worst.exit_code, f"{words.number(len(failed), 'thing')} to mend, first: {worst.what}"


def amounts(lines: Sequence[Line]) -> str:
    """How many are ok, to be watched, and wrong."""
    return ", ".join(f"{sum(line.level is one for line in lines)} {one}" for one in Level)
