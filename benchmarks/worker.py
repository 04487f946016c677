"""A worker's whole path of a job against the bare driver asking the same, eight at a time, on loopback.

Run: python -m benchmarks.worker [repeats]
The path is the worker's own: real drivers, seven checks of one question each, the real sandbox. Three
sides take turns in each repeat: the job, the look alone (no scripts), the bare driver on a new connection.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from benchmarks.databases import Case, cases
from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check, Query, Question
from stt_shared.identity import digest
from stt_shared.protocol.messages import CheckRef, Job
from stt_shared.protocol.words import Family, Outcome
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Endpoint, Limits
from stt_worker.equipment import equipped
from stt_worker.execution import Means, execute

REPEATS = 7
CONCURRENCY = 8
JOBS = 80  # per repeat and side
SCRIPT = """
def check_context(docs, context):
    results = []
    for row in docs[0]:
        if row.get("user") == "nobody has this name":
            results.append({"summary": "account {}".format(row["user"]), "severity": "warning"})
    return results
"""
Step = Callable[[], Awaitable[object]]


def check(number: int, family: Family, question: Question) -> Check:
    return Check(
        name=f"check_{number}",
        version=2,
        family=family,
        summary="",
        description="",
        script=SCRIPT,
        queries=(Query(type=question.type, text=question.text),),
        digest=digest(question.text.encode() + bytes([number])),
    )


def job_of(family: Family, checks: list[Check]) -> Job:
    now = clock.now()
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


def path(job: Job, endpoint: Endpoint, means: Means) -> Step:
    """What a worker does with a job between its delivery and its outbox."""

    async def resolved() -> Endpoint:
        return endpoint

    async def step() -> None:
        _, outcomes = await execute(job, resolved, means, now=clock.now())
        if any(one.outcome is not Outcome.PASSED for one in outcomes):
            raise RuntimeError(f"a check did not pass: {outcomes}")

    return step


async def rate(step: Step) -> float:
    """Jobs per second, CONCURRENCY under way at once."""

    async def lane() -> None:
        for _ in range(JOBS // CONCURRENCY):
            await step()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(lane())
    return JOBS / (time.perf_counter() - begun)


async def measure(case: Case, repeats: int) -> None:
    """Print checks a second of all sides, and the medians of the ratios to the bare driver."""
    endpoint = case.endpoint
    checks = [check(n, endpoint.family, one) for n, one in enumerate(case.questions)]
    known = Catalogue(checks={one.name: one for one in checks})
    with ThreadPoolExecutor(CONCURRENCY) as threads:
        # The bare driver of MySQL gets as many threads as ours.
        asyncio.get_running_loop().set_default_executor(threads)
        async with equipped(known, CONCURRENCY) as tools:
            means = tools.means[endpoint.family]
            sides: dict[str, Step] = {
                "job": path(job_of(endpoint.family, checks), endpoint, means),
                "look": lambda: means.inspector.inspect(
                    endpoint, lambda _: [View(question=one) for one in case.questions], Limits()
                ),
                "bare": lambda: case.bare(case.server),
            }
            rates = await side_by_side(sides, repeats)
    tell(case.name, rates, len(checks))


async def side_by_side(sides: dict[str, Step], repeats: int) -> dict[str, list[float]]:
    """Rates of every side, in turns; who begins changes with each repeat."""
    for step in sides.values():
        await rate(step)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(repeats):
        order = list(sides.items())
        for name, step in order if number % 2 else reversed(order):
            rates[name].append(await rate(step))
    return rates


def tell(name: str, rates: dict[str, list[float]], checks: int) -> None:
    per_second = {side: statistics.median(found) * checks for side, found in rates.items()}
    shares = {
        side: [a / b for a, b in zip(rates[side], rates["bare"], strict=True)]
        for side in ("job", "look")
    }
    job, look = shares["job"], shares["look"]
    print(
        f"{name:<11} job {per_second['job']:6.0f}   look {per_second['look']:6.0f}"
        f"   bare driver {per_second['bare']:6.0f} checks/s"
        f"   ratio of the job {statistics.median(job):.2f} ({min(job):.2f}-{max(job):.2f})"
        f", of the look {statistics.median(look):.2f}",
        flush=True,
    )


def main() -> None:
    """Measure every family whose server is at hand."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    with tempfile.TemporaryDirectory(prefix="stt-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for case in cases(folder):
            try:
                asyncio.run(measure(case, repeats))
            finally:
                case.server.stop()


if __name__ == "__main__":
    main()
