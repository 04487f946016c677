"""A line of the doctor: its level, what was seen, what to do; and the exit code of all lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stt_shared.errors import EXIT_INCOMPLETE
from stt_shared.report import readable


class Level(StrEnum):
    """How bad it is; only `fail` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticLine:
    """One thing that was examined, what was seen, and what to do about it."""

    level: Level
    what: str
    seen: str
    todo: str = ""
    exit_code: int = EXIT_INCOMPLETE


def ok(what: str, seen: str) -> DiagnosticLine:
    """It is as it should be."""
    return DiagnosticLine(level=Level.OK, what=what, seen=seen)


def warn(what: str, seen: str, todo: str) -> DiagnosticLine:
    """It works, but needs attention."""
    return DiagnosticLine(level=Level.WARN, what=what, seen=seen, todo=todo)


def fail(what: str, seen: str, todo: str) -> DiagnosticLine:
    """It does not work."""
    return DiagnosticLine(level=Level.FAIL, what=what, seen=seen, todo=todo)


def unknown(what: str, because: str, todo: str) -> DiagnosticLine:
    """It could not be examined, which is never ok."""
    return warn(what, f"unknown: {because}", todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Why a part could not be examined, and what to do about it."""

    because: str
    todo: str

    def lines(self, *subjects: str) -> list[DiagnosticLine]:
        """A warning for each of `subjects`."""
        return [unknown(what, self.because, self.todo) for what in subjects]


def verdict(lines: Iterable[DiagnosticLine]) -> tuple[int, str]:
    """The exit code of all lines, the most severe first, and why."""
    failed = [line for line in lines if line.level is Level.FAIL]
    if not failed:
        return 0, ""
    worst = max(failed, key=lambda line: line.exit_code)
    return worst.exit_code, f"{readable.number(len(failed), 'problem')}, first: {worst.what}"


def amounts(lines: Sequence[DiagnosticLine]) -> str:
    """How many lines have each level, e.g. `36 ok, 5 warn, 2 fail`."""
    return ", ".join(f"{sum(line.level is one for line in lines)} {one}" for one in Level)
