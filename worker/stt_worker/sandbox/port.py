"""The port of the sandbox: runs the scripts of one job over their answers, within limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SCRIPT_TIME_S = 5.0
SCRIPT_MEMORY_BYTES = 64 * 1024 * 1024
SCRIPT_OUTPUT_BYTES = 1024 * 1024  # of the value returned, and again of what is printed
JOB_OUTPUT_BYTES = 16 * 1024 * 1024  # of both, of all scripts of a job, as values in memory
JOB_TIME_S = 15.0  # for all scripts of one job together, with their waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One script and the answers it judges.

    `digest` names the source: equal digests stand for equal sources. `places` are indexes into
    the answers of the job; they fill `docs` in this order. With `whole` the only place is `docs`
    itself, as in version 1 of the format.
    """

    digest: str
    source: str
    places: tuple[int, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The script came to its end; `value` is plain data, `printed` what it printed."""

    value: Any
    printed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The script called skip(reason), or not_applicable(reason)."""

    reason: str
    applicable: bool = True
    printed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The script failed, called fail(), or ran into a limit; the reason names which."""

    reason: str
    printed: str = ""


Verdict = Returned | Skipped | Broken


class Sandbox(Protocol):
    """Processes in which scripts can harm neither us nor each other."""

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        """One verdict per task, in order, within JOB_TIME_S; never raises.

        `answers` are JSON texts; only those that a task asks for are read. `context` holds plain
        data shared by all tasks: `server` (facts), `now`, and `releases`, which scripts that do
        not mention them do not get. The functions of the format (parse_version, ...) are the
        sandbox's own. A script that breaks a limit ends as Broken and leaves the other tasks
        their own verdicts; so does an answer that cannot be read.
        """
        ...

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        """Per task why its source is refused, with the line, or an empty text; never raises.

        The top level of each script is run, as it is before its first job, all of them within
        JOB_TIME_S; what is not come to is not refused.
        """
        ...

    async def close(self) -> None:
        """End the processes."""
        ...
