"""The sandbox on Starlark in kept child processes; a job first runs all its scripts briefly.

What does not end within QUICK_S gives up its place, so that no other job waits longer for it, and
runs again alone in a process for slow scripts, those last that were slow most often.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stt_worker.processes.child import NurseryError
from stt_worker.processes.frames import FrameError
from stt_worker.processes.nursery import Nursery
from stt_worker.sandbox.kept import PRELOAD, Exchange, Kept
from stt_worker.sandbox.lanes import Lane, Suspects
from stt_worker.sandbox.port import (
    JOB_TIME_S,
    SCRIPT_MEMORY_BYTES,
    SCRIPT_TIME_S,
    Broken,
    Returned,
    Skipped,
    Task,
    Verdict,
)
from stt_worker.sandbox.wire import End, Ending, Item, Order, Stage

QUICK_S = 0.25  # of a script among others
MAX_RETRIES = 2  # after a process that ended for no reason of a script
MAX_REASON_CHARACTERS = 500
RELEASES_KEPT = 4  # texts of release data, by the object they were made of
RELEASES = "releases"
_ENCODER = msgspec.json.Encoder()


@dataclass(kw_only=True)
class _Job:
    """The tasks of one call and what has become of them."""

    tasks: Sequence[Task]
    answers: Sequence[bytes]
    context: bytes
    releases: tuple[str, bytes]
    until: float
    define_only: bool = False
    verdicts: dict[int, Verdict] = field(default_factory=dict[int, Verdict])
    slow: list[int] = field(default_factory=list[int])

    @property
    def left_s(self) -> float:
        """Seconds until the job has to have ended."""
        return self.until - asyncio.get_running_loop().time()


class StarlarkSandbox:
    """At most `processes` children for quick scripts and one for slow ones; see the port.

    They start when they are first needed.
    """

    def __init__(
        self,
        processes: int | None = None,
        *,
        script_s: float = SCRIPT_TIME_S,
        job_s: float = JOB_TIME_S,
    ) -> None:
        self._nursery = Nursery(PRELOAD)
        self._quick = Lane(self._nursery, processes or len(os.sched_getaffinity(0)))
        self._slow = Lane(self._nursery, 1)
        self._script_s, self._job_s = script_s, job_s
        self._quick_s = min(QUICK_S, script_s)
        self._suspects = Suspects()
        self._releases: list[tuple[object, str, bytes]] = []

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all children so far, up to their last word."""
        return self._quick.cpu_s + self._slow.cpu_s

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        """See the port."""
        plain = {name: value for name, value in context.items() if name != RELEASES}
        job = _Job(
            tasks=tasks,
            answers=answers,
            context=_text_of(plain),
            releases=self._encoded(context.get(RELEASES)),
            until=asyncio.get_running_loop().time() + self._job_s,
        )
        return await self._done(job)

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        """See the port."""
        job = _Job(
            tasks=tasks,
            answers=(),
            context=b"{}",
            releases=("", b""),
            until=asyncio.get_running_loop().time() + self._job_s,
            define_only=True,
        )
        await self._done(job)
        # What was not come to is no fault: it has its verdict where it is run.
        verdicts = [job.verdicts.get(at) for at in range(len(tasks))]
        return [one.reason if isinstance(one, Broken) else "" for one in verdicts]

    async def close(self) -> None:
        """See the port."""
        await self._quick.close()
        await self._slow.close()
        await self._nursery.close()

    def _encoded(self, releases: object) -> tuple[str, bytes]:
        """The release data as text, with its digest; made once for each object."""
        if not releases:
            return "", b""
        for known, digest, text in self._releases:
            if known is releases:
                return digest, text
        text = _text_of(releases)
        digest = hashlib.sha256(text).hexdigest()
        self._releases = [(releases, digest, text), *self._releases][:RELEASES_KEPT]
        return digest, text

    async def _done(self, job: _Job) -> list[Verdict]:
        try:
            async with asyncio.timeout_at(job.until):
                await self._run_quick(job)
                await self._run_slow(job)
        except TimeoutError:
            pass
        except (NurseryError, FrameError, OSError) as error:
            return [job.verdicts.get(at) or _lost(str(error)) for at in range(len(job.tasks))]
        return [job.verdicts.get(at) or self._not_run() for at in range(len(job.tasks))]

    def _not_run(self) -> Broken:
        why = f"the scripts of this job took their {self._job_s:g} s; this one did not end in them"
        return Broken(reason=why)

    async def _run_quick(self, job: _Job) -> None:
        """All that is not known as slow; each overrun gives the child to the next job."""
        apart = [at for at, task in enumerate(job.tasks) if task.digest in self._suspects]
        job.slow += apart
        todo = [at for at in range(len(job.tasks)) if at not in set(apart)]
        retries = 0
        while todo:
            async with self._quick.child() as kept:
                found = await kept.exchange(self._order(job, todo, kept, self._quick_s))
            self._take(job, todo, found, quick=True)
            left = [at for at in todo if at not in job.verdicts and at not in job.slow]
            retries = retries + 1 if left == todo else 0
            if retries > MAX_RETRIES:
                job.verdicts.update((at, _lost(found.died)) for at in left)
                return
            todo = left

    async def _run_slow(self, job: _Job) -> None:
        digests = [task.digest for task in job.tasks]
        for at in sorted(job.slow, key=lambda one: self._suspects.times(digests[one])):
            died = await self._run_alone(job, at)
            if at not in job.verdicts:
                job.verdicts[at] = _lost(died)

    async def _run_alone(self, job: _Job, at: int) -> str:
        """One slow script; why its process ended, or an empty text."""
        digest, died = job.tasks[at].digest, ""
        for _ in range(1 + MAX_RETRIES):
            async with self._slow.child(self._suspects.times(digest)) as kept:
                began = asyncio.get_running_loop().time()
                found = await kept.exchange(self._order(job, [at], kept, self._script_s))
                took = asyncio.get_running_loop().time() - began
            self._take(job, [at], found, quick=False)
            died = found.died
            if at in job.verdicts:
                if not died and took < self._quick_s:
                    self._suspects.forgive(digest)
                break
        return died

    def _order(self, job: _Job, todo: Sequence[int], kept: Kept, script_s: float) -> Order:
        tasks = [job.tasks[at] for at in todo]
        digest, data = job.releases
        items = [_item(task) for task in tasks]
        uses = any(item.releases for item in items)
        return Order(
            items=items,
            sources={t.digest: t.source for t in tasks if t.digest not in kept.known},
            answers=_asked(tasks, job.answers),
            context=job.context,
            releases=digest if uses else "",
            release_data=data if uses and digest not in kept.known else b"",
            script_s=script_s,
            total_s=max(job.left_s, 0.0),
            define_only=job.define_only,
        )

    def _take(self, job: _Job, todo: Sequence[int], found: Exchange, *, quick: bool) -> None:
        """Enter what came of `todo`."""
        for end in found.ends:
            at = todo[end.index]
            if end.ending is Ending.TIME:
                self._late(job, at, quick=quick)
            else:
                job.verdicts[at] = _verdict(end)
        if not found.died or found.was_killed:
            return
        for at in _blamed(todo, job.tasks, found):
            if at in job.verdicts:
                continue
            self._suspects.add(job.tasks[at].digest)
            if found.was_late:
                self._late(job, at, quick=quick)
            else:
                job.verdicts[at] = Broken(reason=_fate(found))

    def _late(self, job: _Job, at: int, *, quick: bool) -> None:
        digest = job.tasks[at].digest
        if quick:
            self._suspects.add(digest)
            job.slow.append(at)
        elif job.left_s > 0:
            self._suspects.add(digest, times=1)
            why = f"it did not end within the limit of {self._script_s:g} s"
            job.verdicts[at] = Broken(reason=why)


def _text_of(data: object) -> bytes:
    """`data` as JSON; what has no JSON becomes a text that no child can read."""
    try:
        return _ENCODER.encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        return str(error).encode(errors="replace") or b"?"


def _item(task: Task) -> Item:
    return Item(task.digest, task.places, task.whole, RELEASES in task.source)


def _asked(tasks: Iterable[Task], answers: Sequence[bytes]) -> list[bytes]:
    """The answers that `tasks` ask for, nothing in the places of others."""
    places = {place for task in tasks for place in task.places}
    return [answer if at in places else b"" for at, answer in enumerate(answers)]


def _blamed(todo: Sequence[int], tasks: Sequence[Task], found: Exchange) -> list[int]:
    """The tasks on whose behalf the child worked when it died."""
    if found.stage is Stage.ANSWER:
        return [at for at in todo if found.index in tasks[at].places]
    if found.stage in (Stage.DEFINE, Stage.RUN):
        return [todo[found.index]]
    return []


def _fate(found: Exchange) -> str:
    what = "an answer it reads" if found.stage is Stage.ANSWER else "the script"
    limit = SCRIPT_MEMORY_BYTES // 1024 // 1024
    return (
        f"{what} brought its process down: more memory than {limit} MiB, or values nested too deep"
        f" ({found.died})"
    )


def _lost(why: str) -> Broken:
    return Broken(reason=_short(f"no process to run the script in: {why}"))


def _verdict(end: End) -> Verdict:
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
