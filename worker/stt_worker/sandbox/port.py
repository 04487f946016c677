"""The port of the sandbox: runs the scripts of one job within limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stt_shared.checkfile.model import Check

SCRIPT_TIME_S = 5.0
SCRIPT_MEMORY_BYTES = 64 * 1024 * 1024
SCRIPT_OUTPUT_BYTES = 1024 * 1024  # of the returned value, and the same of the printed text
JOB_OUTPUT_BYTES = 16 * 1024 * 1024  # of both, for all scripts of a job, in memory
JOB_TIME_S = 15.0  # for all scripts of a job, including the wait for processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One script and the answers that it reads.

    `digest` identifies the source. `places` are indexes of the job's answers, which become `docs`
    in this order. With `whole` the only answer is `docs` itself, as in version 1 of the format.
    With `pmm` the script runs as in PMM, which has Go's Starlark. `part_ends` are where its parts
    end, in characters; scripts that begin with the same parts share their compiled form.
    """

    digest: str
    source: str
    places: tuple[int, ...] = ()
    whole: bool = False
    pmm: bool = False
    part_ends: tuple[int, ...] = ()


def task_of(check: Check, places: tuple[int, ...] = ()) -> Task:
    """The task of `check` with the answers at `places`."""
    return Task(
        digest=check.digest,
        source=check.script,
        places=places,
        # Version 1 of the format has one query, and its rows are `docs` itself.
        whole=check.version == 1,
        pmm=not check.ours,
        part_ends=check.part_ends,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The script returned; `value` is plain data, `printed` its output."""

    value: Any
    printed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The script called skip(reason) or not_applicable(reason)."""

    reason: str
    applicable: bool = True
    printed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The script failed, called fail() or exceeded a limit; see the reason."""

    reason: str
    printed: str = ""


Verdict = Returned | Skipped | Broken


class Sandbox(Protocol):
    """Runs scripts in processes, isolated from the worker and from each other."""

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        """One verdict per task, in order, within JOB_TIME_S; never raises.

        `answers` are JSON texts; only those that a task reads are decoded. `context` is plain data
        for all tasks: `server` (facts), `now`, and `releases`, for scripts that mention them. The
        sandbox adds the functions of the format (parse_version, ...). A script that exceeds a
        limit, or reads a malformed answer, ends as Broken and does not affect other tasks.
        """
        ...

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        """Compile each task; returns its error with the line, or an empty text; never raises.

        The top level of each script runs, as before its first job. All take at most JOB_TIME_S;
        scripts that are not reached within it have no error.
        """
        ...

    async def close(self) -> None:
        """End the processes."""
        ...
