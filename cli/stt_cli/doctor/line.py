"""One line of the doctor: its level, what was seen, what to do; and the verdict over all lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stt_shared.errors import EXIT_INCOMPLETE
from stt_shared.report import readable

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024


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


def cannot_tell(what: str, because: str, todo: str) -> Line:
    """It could not be looked at, which is never ok."""
    return warn(what, f"cannot tell, {because}", todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Why a part does not tell of itself, and what to do about it."""

    because: str
    todo: str

    def lines(self, *subjects: str) -> list[Line]:
        """One line for each of `subjects`, none of them ok."""
        return [cannot_tell(what, self.because, self.todo) for what in subjects]


def size(amount: float) -> str:
    """A number of bytes for people, e.g. `1.5 GiB`."""
    for unit in _UNITS[:-1]:
        if abs(amount) < _KIB:
            return f"{amount:.0f} {unit}" if unit == _UNITS[0] else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} {_UNITS[-1]}"


def verdict(lines: Iterable[Line]) -> tuple[int, str]:
    """The exit code of all lines, the most severe first, and why."""
    failed = [line for line in lines if line.level is Level.FAIL]
    if not failed:
        return 0, ""
    worst = max(failed, key=lambda line: line.exit_code)
    return worst.exit_code, f"{readable.number(len(failed), 'thing')} to mend, first: {worst.what}"


def amounts(lines: Sequence[Line]) -> str:
    """How many are ok, to be watched, and wrong."""
    return ", ".join(f"{sum(line.level is one for line in lines)} {one}" for one in Level)
