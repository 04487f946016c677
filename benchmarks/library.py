"""The whole library of each family on its real server against the bare driver asking the same.

Run: python -m benchmarks.library [--rounds 5] [--jobs 64] [family ...]
Eight jobs are in flight. The path is the product's own: `open_runtime` and `execute`. In each round
the job, its inspection alone and the bare driver take turns, and who begins changes; a ratio is
taken within its round. `sandbox` is the processor time of the worker's processes when a job's
scripts are run alone on what the server answered, then its share of all that a job takes, that of
the server with it, and in brackets its share of what the worker's processes take.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pymongo

from benchmarks import bare
from benchmarks.processor import seconds
from stt_coordinator.local.servers import mongodb, mysql, postgresql
from stt_coordinator.local.servers.cache import MissingServerError
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue, builtin
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import CheckRef, Job
from stt_shared.telemetry import logs
from stt_worker.databases.inspection import ChooseViews, EncodedInspection, Inspector, View
from stt_worker.databases.port import Endpoint, Limits, Tls
from stt_worker.execution.job import CheckDependencies, execute
from stt_worker.execution.runtime import open_runtime

ROUNDS = 5
JOBS = 64  # per round and side
CONCURRENCY = 8
PASSWORD = "benchmark"  # noqa: S105  # of servers that live for a minute
Step = Callable[[], Awaitable[object]]
Bare = Callable[[Running, Sequence[Question]], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server to start, and who asks it without us."""

    family: Family
    start: Callable[[Path], Running]
    bare: Bare


def _mongodb(folder: Path) -> Running:
    server = mongodb.start(folder, extra=["--auth"])
    with pymongo.MongoClient[dict[str, Any]](server.host, server.port) as client:
        client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    server.user, server.password = "root", PASSWORD
    return server


CASES = {
    "mariadb": Case(
        family=Family.MYSQL,
        start=lambda folder: mysql.start(mysql.find_mariadb(), folder, password=PASSWORD),
        bare=bare.mysql,
    ),
    "mysql": Case(
        family=Family.MYSQL,
        start=lambda folder: mysql.start(mysql.find_mysql(), folder, password=PASSWORD),
        bare=bare.mysql,
    ),
    "postgresql": Case(
        family=Family.POSTGRESQL,
        start=lambda folder: postgresql.start(folder, password=PASSWORD),
        bare=bare.postgresql,
    ),
    "mongodb": Case(family=Family.MONGODB, start=_mongodb, bare=bare.mongodb),
}


@dataclass(slots=True)
class Recorder:
    """An inspector and a sandbox that remember what the last job asked of them."""

    dependencies: CheckDependencies
    views: list[View] = field(default_factory=list[View])
    scripts: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """As the inspector does."""

        def chosen(facts: Any) -> list[View]:
            self.views = list(dict.fromkeys(choose(facts)))
            return self.views

        return await self.dependencies.inspector.inspect(endpoint, chosen, limits)

    async def run(self, *given: Any, **named: Any) -> Any:
        """As the sandbox does."""
        self.scripts = (given, named)
        return await self.dependencies.sandbox.run(*given, **named)

    async def close(self) -> None:
        """Nothing is held here."""

    def recording(self) -> CheckDependencies:
        """The same means with this in their places."""
        stand_in = cast("Any", self)
        return replace(self.dependencies, inspector=cast("Inspector", stand_in), sandbox=stand_in)


def job_of(family: Family, known: Catalogue) -> Job:
    """A job with every check of the family."""
    now = clock.now()
    checks = [one for one in known.checks.values() if one.family is family]
    return Job(
        job_id="j",
        run_id="r",
        dispatch=1,
        target="t",
        family=family,
        site="bench",
        checks=tuple(CheckRef(check=one.name, digest=one.digest) for one in checks),
        created=now,
        expires=now + timedelta(hours=1),
    )


def job_step(job: Job, endpoint: Endpoint, dependencies: CheckDependencies) -> Step:
    """What a worker does with a job between its delivery and its outbox."""

    async def resolved() -> Endpoint:
        return endpoint

    async def step() -> None:
        _, outcomes = await execute(job, resolved, dependencies, now=clock.now())
        broken = [one for one in outcomes if one.outcome is Outcome.ERROR]
        if broken:
            raise RuntimeError(f"{broken[0].check}: {broken[0].reason}")

    return step


async def rate(step: Step, jobs: int) -> float:
    """Jobs per second, CONCURRENCY under way at once."""

    async def lane() -> None:
        for _ in range(jobs // CONCURRENCY):
            await step()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(lane())
    return jobs / (time.perf_counter() - begun)


@dataclass(slots=True)
class Side:
    """One side's jobs per second by round, and its processor time per job."""

    step: Step
    rates: list[float] = field(default_factory=list[float])
    own_s: list[float] = field(default_factory=list[float])  # per job, of the worker's processes
    all_s: list[float] = field(default_factory=list[float])  # per job, with those of the server


async def side_by_side(sides: dict[str, Side], options: Namespace, server: Running) -> None:
    """Fill the sides in turns; who begins changes with each round."""
    for side in sides.values():
        await rate(side.step, CONCURRENCY)
    for number in range(options.rounds):
        order = list(sides.values())
        for side in order if number % 2 else reversed(order):
            own, everything = seconds(without=server.pid), seconds()
            side.rates.append(await rate(side.step, options.jobs))
            side.own_s.append((seconds(without=server.pid) - own) / options.jobs)
            side.all_s.append((seconds() - everything) / options.jobs)


async def measure(case: Case, server: Running, options: Namespace) -> dict[str, Side]:
    """All sides of one server."""
    known = builtin()
    # The bare driver of MySQL gets as many threads as jobs are in flight.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(CONCURRENCY))
    async with open_runtime(known, CONCURRENCY) as runtime:
        dependencies = runtime.dependencies[case.family]
        sides = await _sides(case, server, dependencies, job_of(case.family, known))
        await side_by_side(sides, options, server)
    return sides


async def _sides(
    case: Case, server: Running, dependencies: CheckDependencies, job: Job
) -> dict[str, Side]:
    endpoint = Endpoint(
        family=case.family,
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        tls=Tls(mode="off"),
    )
    recorder = Recorder(dependencies)
    # MySQL asks for the password itself once: only then it lets others in by its cache.
    await case.bare(server, ())
    await job_step(job, endpoint, recorder.recording())()
    questions = list(dict.fromkeys(view.question for view in recorder.views))
    given, named = recorder.scripts
    return {
        "job": Side(job_step(job, endpoint, dependencies)),
        "inspection": Side(
            lambda: dependencies.inspector.inspect(
                endpoint, lambda _: recorder.views, dependencies.limits
            )
        ),
        "bare": Side(lambda: case.bare(server, questions)),
        "sandbox": Side(lambda: dependencies.sandbox.run(*given, **named)),
    }


def line(name: str, sides: dict[str, Side]) -> str:
    """The medians in one line; the ratio with its least and greatest round."""
    job, inspection, raw = (sides[one].rates for one in ("job", "inspection", "bare"))
    ratios = [a / b for a, b in zip(job, raw, strict=True)]
    inspections = [a / b for a, b in zip(inspection, raw, strict=True)]
    sandbox = statistics.median(sides["sandbox"].own_s)
    whole, own = (statistics.median(one) for one in (sides["job"].all_s, sides["job"].own_s))
    return (
        f"{name} ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        f" job {statistics.median(job):.0f}/s bare {statistics.median(raw):.0f}/s"
        f" sandbox {sandbox * 1_000:.1f} ms {sandbox / whole:.0%} ({sandbox / own:.0%})".replace(
            "%", " %"
        )
        + f" inspection/bare {statistics.median(inspections):.2f}"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for every server that is at hand; 1 if one is missing."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--jobs", type=int, default=JOBS, help="per round and side")
    parser.add_argument("names", nargs="*", metavar="server", help=", ".join(CASES))
    options = parser.parse_args(words)
    logs.configure("info", "json")  # as a worker does: without that every check writes a line
    missing = 0
    with tempfile.TemporaryDirectory(prefix="stt-bench-") as place:
        Path(place).chmod(0o755)  # PostgreSQL runs as somebody else
        for name in options.names or CASES:
            case = CASES[name]
            try:
                # A server ends with the thread that started it: this one.
                server = case.start(Path(place) / name)
            except MissingServerError as error:
                print(f"left out: {error}", file=sys.stderr)
                missing = 1
                continue
            try:
                print(line(name, asyncio.run(measure(case, server, options))), flush=True)
            finally:
                server.stop()
    return missing


if __name__ == "__main__":
    sys.exit(main())
