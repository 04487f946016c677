"""What the scripts of the whole library cost: real answers of real servers, CPU of both sides.

Run: python -m benchmarks.sandbox [repeats]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.library import CASES, PASSWORD, Case, job_of, job_step
from benchmarks.processor import seconds
from stt_coordinator.local.servers.cache import MissingServerError
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.variants import unsupported
from stt_shared.protocol.messages import Facts
from stt_shared.telemetry import logs
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Endpoint, Failure, Limits, Tls
from stt_worker.execution.job import CheckDependencies, context_of
from stt_worker.execution.plan import JobPlan, Planner, failure_of
from stt_worker.execution.runtime import open_runtime
from stt_worker.sandbox.port import Task
from stt_worker.sandbox.starlark import StarlarkSandbox

REPEATS = 5
JOBS = 60  # of each kind in a repeat
Step = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Cost:
    """Milliseconds a job: of the wall, of this process, of the sandbox's children, of all ours."""

    wall: float
    parent: float
    child: float
    ours: float


async def cost(step: Step, sandbox: StarlarkSandbox, server: Running) -> Cost:
    def now() -> tuple[float, ...]:
        ours = seconds(without=server.pid)
        return time.perf_counter(), time.process_time(), sandbox.cpu_s, ours

    begun = now()
    for _ in range(JOBS):
        await step()
    return Cost(*((b - a) * 1_000 / JOBS for a, b in zip(begun, now(), strict=True)))


async def answered(
    endpoint: Endpoint, dependencies: CheckDependencies
) -> tuple[Facts, list[Task], list[bytes]]:
    """One look at the server with the questions of all its checks."""
    checks = [one for one in builtin().of(endpoint.family) if not unsupported(one)]
    plans: list[JobPlan] = []

    def choose(facts: Facts) -> tuple[View, ...]:
        plans[:] = [Planner().plan(checks, facts)]
        return plans[0].views

    inspection = await dependencies.inspector.inspect(endpoint, choose, Limits())
    (plan,) = plans
    answers = [
        b"" if isinstance(one := inspection.answers[view], Failure) else one for view in plan.views
    ]
    tasks = [
        task
        for one, task in zip(plan.plans, plan.tasks, strict=True)
        if task is not None and failure_of(one, inspection.answers) is None
    ]
    return inspection.facts, tasks, answers


async def measure(name: str, case: Case, server: Running, repeats: int) -> None:
    """Print the scripts alone, the whole job, and the share of the scripts in its CPU."""
    endpoint = Endpoint(
        family=case.family,
        host=server.host,
        port=server.port,
        user=server.user,
        password=PASSWORD,
        tls=Tls(mode="off"),
    )
    async with open_runtime(builtin(), 1) as runtime:
        dependencies = runtime.dependencies[case.family]
        sandbox = dependencies.sandbox
        if not isinstance(sandbox, StarlarkSandbox):
            raise TypeError(sandbox)
        await case.bare(server, ())
        facts, tasks, answers = await answered(endpoint, dependencies)
        context = context_of(facts, dependencies.catalogue, clock.now())
        whole = job_step(job_of(case.family, builtin()), endpoint, dependencies)

        async def scripts() -> None:
            await sandbox.run(tasks, answers, context)

        begun = time.perf_counter()
        await scripts()
        first = (time.perf_counter() - begun) * 1_000
        await whole()
        rounds = [
            (await cost(scripts, sandbox, server), await cost(whole, sandbox, server))
            for _ in range(repeats)
        ]
    size = sum(map(len, answers))
    tell(f"{name:<11} {len(tasks)} scripts, {size / 1024:.0f} KiB of answers", first, rounds)


def tell(what: str, first: float, rounds: list[tuple[Cost, Cost]]) -> None:
    alone = [one for one, _ in rounds]
    shares = [100 * (one.parent + one.child) / whole.ours for one, whole in rounds]
    print(
        f"{what}: {statistics.median(one.wall for one in alone):.2f} ms"
        f" (least {min(one.wall for one in alone):.2f}, the first job {first:.0f} ms),"
        f" CPU child {statistics.median(one.child for one in alone):.2f}"
        f" + parent {statistics.median(one.parent for one in alone):.2f} ms,"
        f" {statistics.median(shares):.0f} % ({min(shares):.0f}-{max(shares):.0f})"
        f" of the job's {statistics.median(w.ours for _, w in rounds):.1f} ms CPU"
        f" and {statistics.median(w.wall for _, w in rounds):.1f} ms",
        flush=True,
    )


def main() -> None:
    """Measure every family whose server is at hand."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    logs.configure("warning", "auto")
    with tempfile.TemporaryDirectory(prefix="stt-bench-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        for name, case in CASES.items():
            try:
                server = case.start(folder / name)
            except MissingServerError as error:
                print(f"left out: {error}")
                continue
            try:
                asyncio.run(measure(name, case, server, repeats))
            finally:
                server.stop()


if __name__ == "__main__":
    main()
