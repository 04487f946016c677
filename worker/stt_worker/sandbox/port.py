"""Running the scripts of one job over their rows, within time, memory and output limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SCRIPT_TIME_S = 5.0
SCRIPT_MEMORY_BYTES = 64 * 1024 * 1024
SCRIPT_OUTPUT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One script and the rows it judges; `docs` is a list as CHECK_FORMAT says."""

    source: str
    docs: list[Any]


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
    """A pool of processes in which scripts can do no harm."""

    async def run(self, tasks: Sequence[Task], context: Mapping[str, Any]) -> list[Verdict]:
        """One verdict per task, in order, all in one round trip; never raises.

        `context` holds plain data shared by all tasks: `server` (facts), `releases`, `now`.
        The functions of CHECK_FORMAT (parse_version, ...) are the sandbox's own. A script that
        breaks its limits ends as Broken and leaves the other tasks their own verdicts.
        """
        ...

    async def close(self) -> None:
        """End the processes."""
        ...
