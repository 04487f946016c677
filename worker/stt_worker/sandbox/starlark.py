"""The sandbox with Starlark in child processes; a job first runs all its scripts briefly.

A script that does not finish within QUICK_S gives its process to the next job and runs again alone
in the process for slow scripts; scripts that were slow most often run last.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stt_worker.processes.child import SpawnError
from stt_worker.processes.frames import FrameError
from stt_worker.processes.spawner import Spawner
from stt_worker.sandbox.jobs import RELEASES, Job, Program, blamed, fate, lost, text_of
from stt_worker.sandbox.kept import PRELOAD, Exchange, Kept
from stt_worker.sandbox.lanes import Lane, Suspects
from stt_worker.sandbox.port import (
    JOB_TIME_S,
    SCRIPT_TIME_S,
    Broken,
    Task,
    Verdict,
)
from stt_worker.sandbox.wire import Ending, Order, Report, Stage

QUICK_S = 0.25  # time limit of a script in the first run
MAX_RETRIES = 2  # after a process that died without the fault of a script
PROGRAMS_KEPT = 256
RELEASES_KEPT = 4  # encoded release data, by object


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
        self._spawner = Spawner(PRELOAD)
        self._quick = Lane(self._spawner, processes or len(os.sched_getaffinity(0)))
        self._slow = Lane(self._spawner, 1)
        self._script_s, self._job_s = script_s, job_s
        self._quick_s = min(QUICK_S, script_s)
        self._suspects = Suspects()
        self._releases: list[tuple[object, str, bytes]] = []
        self._programs: OrderedDict[tuple[int, ...], Program] = OrderedDict()
        self._numbers = itertools.count(1)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all children, up to their last report."""
        return self._quick.cpu_s + self._slow.cpu_s

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        """See the port."""
        plain = {name: value for name, value in context.items() if name != RELEASES}
        job = Job(
            tasks=tasks,
            answers=answers,
            context=text_of(plain),
            releases=self._encoded(context.get(RELEASES)),
            until=asyncio.get_running_loop().time() + self._job_s,
        )
        return await self._done(job)

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        """See the port."""
        job = Job(
            tasks=tasks,
            answers=(),
            context=b"{}",
            releases=("", b""),
            until=asyncio.get_running_loop().time() + self._job_s,
            define_only=True,
        )
        await self._done(job)
        # Scripts that were not reached have no error here; they get a verdict when they run.
        verdicts = [job.verdicts.get(at) for at in range(len(tasks))]
        return [one.reason if isinstance(one, Broken) else "" for one in verdicts]

    async def close(self) -> None:
        """See the port."""
        await self._quick.close()
        await self._slow.close()
        await self._spawner.close()

    def _encoded(self, releases: object) -> tuple[str, bytes]:
        """The digest and the JSON of the release data; encoded once per object."""
        if not releases:
            return "", b""
        for known, digest, text in self._releases:
            if known is releases:
                return digest, text
        text = text_of(releases)
        digest = hashlib.sha256(text).hexdigest()
        self._releases = [(releases, digest, text), *self._releases][:RELEASES_KEPT]
        return digest, text

    async def _done(self, job: Job) -> list[Verdict]:
        try:
            async with asyncio.timeout_at(job.until):
                await self._run_quick(job)
                digests = [task.digest for task in job.tasks]
                # Last those that used up their time most often: they would take it from the rest.
                for at in sorted(job.slow, key=lambda one: self._suspects.times(digests[one])):
                    died = await self._run_alone(job, at)
                    if at not in job.verdicts:
                        job.verdicts[at] = lost(died)
        except TimeoutError:
            pass
        except (SpawnError, FrameError, OSError) as error:
            return [job.verdicts.get(at) or lost(str(error)) for at in range(len(job.tasks))]
        why = f"the scripts of this job took {self._job_s:g} s; this one did not finish in time"
        return [job.verdicts.get(at) or Broken(reason=why) for at in range(len(job.tasks))]

    async def _run_quick(self, job: Job) -> None:
        """Run all scripts but known slow ones; an overrun gives the child to the next job."""
        apart = [at for at, task in enumerate(job.tasks) if task.digest in self._suspects]
        job.slow += apart
        todo = [at for at in range(len(job.tasks)) if at not in set(apart)]
        retries = 0
        while todo:
            async with self._quick.child() as kept:
                order = self._order(job, todo, kept, self._quick_s)
                found = await kept.exchange(order, self._taker(job, todo, quick=True))
            self._blame(job, todo, found, quick=True)
            left = [at for at in todo if at not in job.verdicts and at not in job.slow]
            # Counted only without progress: of many scripts each may kill its process once.
            retries = retries + 1 if left == todo else 0
            if retries > MAX_RETRIES:
                job.verdicts.update((at, lost(found.died)) for at in left)
                return
            todo = left

    async def _run_alone(self, job: Job, at: int) -> str:
        """Run one slow script; returns why its process died, or an empty text."""
        digest, died = job.tasks[at].digest, ""
        for _ in range(1 + MAX_RETRIES):
            async with self._slow.child(self._suspects.times(digest)) as kept:
                began = asyncio.get_running_loop().time()
                order = self._order(job, [at], kept, self._script_s)
                found = await kept.exchange(order, self._taker(job, [at], quick=False))
                took = asyncio.get_running_loop().time() - began
            self._blame(job, [at], found, quick=False)
            died = found.died
            if at in job.verdicts:
                # Quick again: without this one busy minute would keep it in the slow lane for ever.
                if not died and took < self._quick_s:
                    self._suspects.forgive(digest)
                break
        return died

    def _order(self, job: Job, todo: Sequence[int], kept: Kept, script_s: float) -> Order:
        program = self._program([job.tasks[at] for at in todo])
        known = program.number in kept.known
        digest, data = job.releases if program.releases else ("", b"")
        return Order(
            program=program.number,
            items=[] if known else program.items,
            sources={} if known else program.sources(kept.known),
            answers=[one if at in program.places else b"" for at, one in enumerate(job.answers)],
            context=job.context,
            releases=digest,
            release_data=b"" if digest in kept.known else data,
            script_s=script_s,
            total_s=max(job.left_s, 0.0),
            define_only=job.define_only,
            singly=job.singly or program.singly,
        )

    def _program(self, tasks: list[Task]) -> Program:
        """The program of `tasks`; made once for the same objects."""
        # Ids are safe as keys: a cached program references its tasks, so ids are not reused.
        key = tuple(map(id, tasks))
        found = self._programs.pop(key, None) or Program(next(self._numbers), tasks)
        self._programs[key] = found
        # The oldest goes: each release of a pack brings new programs.
        if len(self._programs) > PROGRAMS_KEPT:
            self._programs.popitem(last=False)
        return found

    def _taker(self, job: Job, todo: Sequence[int], *, quick: bool) -> Callable[[Report], None]:
        """A function that records the ends in each report about an order of `todo`."""

        def take(report: Report) -> None:
            job.record_without_findings(todo[index] for index in report.without_findings)
            for end in report.ends:
                at = todo[end.index]
                if end.ending is Ending.TIME:
                    self._late(job, at, quick=quick)
                else:
                    job.record(at, end)

        return take

    def _blame(self, job: Job, todo: Sequence[int], found: Exchange, *, quick: bool) -> None:
        """If the child died, record verdicts for the tasks that it was working on."""
        if not found.died or found.was_killed:
            return
        job.singly = job.singly or found.stage in (Stage.TOGETHER, Stage.GROUP)
        if found.stage is Stage.GROUP:
            # If no script is found guilty alone, each job would cost another child.
            self._program([job.tasks[at] for at in todo]).singly = True
        for at in blamed(todo, job.tasks, found):
            if at in job.verdicts:
                continue
            self._suspects.add(job.tasks[at].digest)
            if found.was_late:
                self._late(job, at, quick=quick)
            else:
                job.verdicts[at] = Broken(reason=fate(found))

    def _late(self, job: Job, at: int, *, quick: bool) -> None:
        digest = job.tasks[at].digest
        if quick:
            self._suspects.add(digest)
            job.slow.append(at)
        elif job.left_s > 0:
            self._suspects.add(digest, times=1)
            why = f"it did not finish within the limit of {self._script_s:g} s"
            job.verdicts[at] = Broken(reason=why)
