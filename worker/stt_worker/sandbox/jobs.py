"""One call of the sandbox: its tasks, as children know them, and their verdicts."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Container, Iterable, Sequence
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
VALUE_BYTES = 72  # an empty list in a list: the most memory for its length as text
RELEASES = "releases"
_TOO_MUCH = (
    "the results of the scripts of this job exceed the limit of"
    f" {JOB_OUTPUT_BYTES // 1024 // 1024} MiB; this is the largest"
)
_ENCODER = msgspec.json.Encoder()


@dataclass(kw_only=True)
class Job:
    """The tasks of one call and their verdicts so far."""

    tasks: Sequence[Task]
    answers: Sequence[bytes]
    context: bytes
    releases: tuple[str, bytes]
    until: float
    define_only: bool = False
    singly: bool = False  # a child died while it decoded answers or ran scripts together
    verdicts: dict[int, Verdict] = field(default_factory=dict[int, Verdict])
    slow: list[int] = field(default_factory=list[int])
    _size: int = 0
    _outputs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # a heap

    def record_without_findings(self, these: Iterable[int]) -> None:
        """Record for each of `these` tasks that its script returned an empty list."""
        self.verdicts.update((at, Returned(value=[])) for at in these)

    def record(self, at: int, end: End) -> None:
        """Record the verdict of task `at`; above the limit for all, the largest are dropped."""
        size = size_of(end)
        # Before it is decoded: as an object it takes many times its length.
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
        """Seconds until the deadline of the job."""
        return self.until - asyncio.get_running_loop().time()


class Program:
    """A list of tasks that children know by its number."""

    def __init__(self, number: int, tasks: list[Task]) -> None:
        self.number = number
        self.singly = False  # a child died while it ran all scripts together
        self._tasks = tasks
        self.items = [
            Item(
                digest=task.digest,
                places=task.places,
                whole=task.whole,
                releases=RELEASES in task.source,
                pmm=task.pmm,
                part_ends=task.part_ends,
            )
            for task in tasks
        ]
        self.places = {place for task in tasks for place in task.places}
        self.releases = any(item.releases for item in self.items)

    def sources(self, known: Container[object]) -> dict[str, str]:
        """The sources whose digests are not `known`, by digest."""
        return {task.digest: task.source for task in self._tasks if task.digest not in known}


def size_of(end: End) -> int:
    """An upper bound of the memory for the result of a script, in bytes."""
    values = sum(map(end.text.count, ",[{")) if end.ending is Ending.RETURNED else 0
    return len(end.text) + len(end.printed) + VALUE_BYTES * values


def text_of(data: object) -> bytes:
    """`data` as JSON; other data become a text that children reject as malformed."""
    try:
        return _ENCODER.encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        return str(error).encode(errors="replace") or b"?"


def blamed(todo: Sequence[int], tasks: Sequence[Task], found: Exchange) -> list[int]:
    """The tasks that the child was working on when it died."""
    if found.stage is Stage.ANSWER:
        return [at for at in todo if found.index in tasks[at].places]
    if found.stage in (Stage.DEFINE, Stage.RUN):
        return [todo[found.index]]
    return []


def fate(found: Exchange) -> str:
    """The reason for a script whose process died."""
    what = "an answer it reads" if found.stage is Stage.ANSWER else "the script"
    limit = SCRIPT_MEMORY_BYTES // 1024 // 1024
    return (
        f"{what} killed its process: more memory than {limit} MiB, or values nested too deeply"
        f" ({found.died})"
    )


def lost(why: str) -> Broken:
    """The verdict of a script that could not run because there was no process."""
    return Broken(reason=_short(f"no process for the script: {why}"))


def verdict(end: End) -> Verdict:
    """The verdict for the end of a script; not for an end by time."""
    if end.ending is Ending.RETURNED:
        try:
            return Returned(value=msgspec.json.decode(end.text or "null"), printed=end.printed)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return Broken(
                reason=_short(f"returned data that is not plain: {error}"), printed=end.printed
            )
    if end.ending is Ending.BROKEN:
        return Broken(reason=_short(end.text), printed=end.printed)
    applicable = end.ending is Ending.SKIPPED
    return Skipped(reason=_short(end.text), applicable=applicable, printed=end.printed)


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_REASON_CHARACTERS]
