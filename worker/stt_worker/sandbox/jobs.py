"""One call of the sandbox: its tasks as children know them, and what their ends mean."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import msgspec

from stt_worker.sandbox.kept import Exchange
from stt_worker.sandbox.port import (
    JOB_OUTPUT_BYTES,
    SCRIPT_MEMORY_BYTES,
    Broken,
    Returned,
    Skipped,
    Task,
    Verdict,
)
from stt_worker.sandbox.wire import End, Ending, Item, Stage

MAX_REASON_CHARACTERS = 500
VALUE_BYTES = 72  # of an empty list in a list, the value that takes the most for its text
RELEASES = "releases"
NO_FINDINGS = "[]"  # what most scripts return
_TOO_MUCH = (
    "what the scripts of this job give back takes more than the limit of"
    f" {JOB_OUTPUT_BYTES // 1024 // 1024} MiB; this is the largest"
)
_ENCODER = msgspec.json.Encoder()


@dataclass(kw_only=True)
class Job:
    """The tasks of one call and what has become of them."""

    tasks: Sequence[Task]
    answers: Sequence[bytes]
    context: bytes
    releases: tuple[str, bytes]
    until: float
    define_only: bool = False
    singly: bool = False  # a child died of the answers together
    verdicts: dict[int, Verdict] = field(default_factory=dict[int, Verdict])
    slow: list[int] = field(default_factory=list[int])
    _size: int = 0
    _outputs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # a heap

    def enter(self, at: int, end: End) -> None:
        """The verdict of task `at`; if all are too large together, the largest lose theirs."""
        if end.text == NO_FINDINGS and not end.printed and end.ending is Ending.RETURNED:
            self.verdicts[at] = Returned(value=[])
            return
        size = size_of(end)
        if size > JOB_OUTPUT_BYTES:
            self.verdicts[at] = Broken(reason=_TOO_MUCH)
            return
        self.verdicts[at] = verdict(end)
        self._size += size
        heapq.heappush(self._outputs, (-size, at))
        while self._size > JOB_OUTPUT_BYTES:
            size, largest = heapq.heappop(self._outputs)
            self._size += size
            self.verdicts[largest] = Broken(reason=_TOO_MUCH)

    @property
    def left_s(self) -> float:
        """Seconds until the job has to have ended."""
        return self.until - asyncio.get_running_loop().time()


class Program:
    """A list of tasks as children know it, by its number."""

    def __init__(self, number: int, tasks: list[Task]) -> None:
        self.number = number
        self._tasks = tasks
        self.items = [
            Item(task.digest, task.places, task.whole, RELEASES in task.source) for task in tasks
        ]
        self.places = {place for task in tasks for place in task.places}
        self.releases = any(item.releases for item in self.items)

    def sources(self, known: Container[object]) -> dict[str, str]:
        """The sources whose digests are not `known`, by digest."""
        return {task.digest: task.source for task in self._tasks if task.digest not in known}


def size_of(end: End) -> int:
    """The memory that what a script gave back takes here, in bytes and rather too high."""
    values = sum(map(end.text.count, ",[{")) if end.ending is Ending.RETURNED else 0
    return len(end.text) + len(end.printed) + VALUE_BYTES * values


def text_of(data: object) -> bytes:
    """`data` as JSON; what has no JSON becomes a text that no child can read."""
    try:
        return _ENCODER.encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        return str(error).encode(errors="replace") or b"?"


def blamed(todo: Sequence[int], tasks: Sequence[Task], found: Exchange) -> list[int]:
    """The tasks on whose behalf the child worked when it died."""
    if found.stage is Stage.ANSWER:
        return [at for at in todo if found.index in tasks[at].places]
    if found.stage in (Stage.DEFINE, Stage.RUN):
        return [todo[found.index]]
    return []


def fate(found: Exchange) -> str:
    """What a script, or its answer, did to its process, as a sentence."""
    what = "an answer it reads" if found.stage is Stage.ANSWER else "the script"
    limit = SCRIPT_MEMORY_BYTES // 1024 // 1024
    return (
        f"{what} brought its process down: more memory than {limit} MiB, or values nested too deep"
        f" ({found.died})"
    )


def lost(why: str) -> Broken:
    """There was no process for the script; that is none of its faults."""
    return Broken(reason=_short(f"no process to run the script in: {why}"))


def verdict(end: End) -> Verdict:
    """What the end of a script means; `end` is not one that ran out of time."""
    if end.ending is Ending.RETURNED:
        try:
            return Returned(value=msgspec.json.decode(end.text or "null"), printed=end.printed)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return Broken(reason=_short(f"returned no plain data: {error}"), printed=end.printed)
    if end.ending is Ending.BROKEN:
        return Broken(reason=_short(end.text), printed=end.printed)
    applicable = end.ending is Ending.SKIPPED
    return Skipped(reason=_short(end.text), applicable=applicable, printed=end.printed)


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON_CHARACTERS]
