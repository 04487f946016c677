"""Jobs per second end to end with a no-op check: NATS, a coordinator and a worker, each a process.

Run: python -m benchmarks.jobs [--targets 2000] [--rounds 5] [--default-sync]
From the request to run until every result is in the store (SQLite FULL). Beside it, in the same
minute: as many bare messages published and taken through the same bus adapter, one way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.parse import parse_checks
from stt_shared.lifecycle import stop_on_signals
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import (
    Empty,
    RunReply,
    RunRequest,
    StatusReply,
    SwitchReply,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Facts, Value
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from stt_shared.settings import WorkerSettings
from stt_shared.telemetry import logs
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import Canned, MemoryDatabase
from stt_worker.databases.port import Endpoint
from stt_worker.execution.job import CheckDependencies
from stt_worker.execution.runtime import CheckRuntime
from stt_worker.outbox.sqlite import open_outbox
from stt_worker.sandbox.starlark import StarlarkSandbox
from stt_worker.service import WorkerDependencies, serve
from stt_worker.targets.file import TargetList
from stt_worker.targets.model import Inventory, Target

POLL_S = 0.02
CONCURRENCY = 32
NOOP = """
checks:
  - version: 2
    name: noop
    summary: Nothing
    description: Nothing.
    family: POSTGRESQL
    queries: [{type: POSTGRESQL_SHOW}]
    script: |
      def check_context(docs, context):
          return []
"""


def catalogue() -> Catalogue:
    parsed = parse_checks(NOOP, "noop", strict=True)
    return Catalogue(checks={check.name: check for check in parsed.checks})


async def coordinate(url: str, folder: str) -> None:
    stop = asyncio.Event()
    bus, store = await connect(NatsOptions(servers=(url,))), await open_store(Path(folder))
    with stop_on_signals(stop):
        means = CoordinatorDependencies(bus=bus, store=store, checks=catalogue, timing=Timing())
        await Coordinator(means).run(stop)
    await store.close()
    await bus.close()


async def work(url: str, folder: str, targets: int) -> None:
    stop = asyncio.Event()
    bus, outbox = await connect(NatsOptions(servers=(url,))), await open_outbox(Path(folder))
    endpoint = Endpoint(family=Family.POSTGRESQL, host="db")
    inventory = Inventory(Target(id=f"t{n:05}", endpoint=endpoint) for n in range(targets))
    facts = Facts(flavour="postgresql", version=(18, 7), version_text="18.7")
    check = catalogue().checks["noop"]
    canned = Canned(facts=facts, answers={check.queries[0].what: []})
    sandbox = StarlarkSandbox()
    dependencies = CheckDependencies(
        inspector=DirectInspector(MemoryDatabase({"db": canned})),
        catalogue=catalogue(),
        sandbox=sandbox,
    )
    runtime = CheckRuntime(dependencies={Family.POSTGRESQL: dependencies}, catalogue=catalogue())
    own = WorkerSettings(name="bench", concurrency=CONCURRENCY)
    parts = WorkerDependencies(runtime=runtime, outbox=outbox, bus=bus, hangup=asyncio.Event())
    with stop_on_signals(stop):
        await serve(own, inventory, lambda: TargetList(targets=(), warnings=()), parts, stop)
    await sandbox.close()
    await outbox.close()
    await bus.close()


async def ask(bus: JetStreamBus, verb: Verb, request: Value, reply: type[Value]) -> Value:
    data = await bus.request(subjects.control(verb), codec.encode(request), timeout=30)
    return codec.decode(reply, data)


async def round_trip(bus: JetStreamBus) -> float:
    """Seconds from the request until the run is finished in the store."""
    begun = time.perf_counter()
    reply = await ask(bus, Verb.RUN, RunRequest(by="bench"), RunReply)
    if not isinstance(reply, RunReply):
        raise TypeError(reply)
    await finished(bus, reply.run.run_id)
    return time.perf_counter() - begun


async def finished(bus: JetStreamBus, run_id: str) -> None:
    while True:
        runs = await ask(bus, Verb.RUNS, RunsRequest(run_id=run_id), RunsReply)
        if isinstance(runs, RunsReply) and runs.runs and runs.runs[0].state == "finished":
            return
        await asyncio.sleep(POLL_S)


async def floor(bus: JetStreamBus, number: int) -> float:
    """Seconds to publish and take as many bare messages, singly synced as results are."""
    stream = StreamSpec(name="FLOOR", subjects=("floor.>",), retention="workqueue")
    await bus.ensure([stream], [ConsumerSpec(stream="FLOOR", name="f", max_ack_pending=4096)])
    messages = [Outgoing(subject=f"floor.{n}", data=b"x" * 500) for n in range(number)]
    begun = time.perf_counter()
    publishing = asyncio.create_task(bus.publish(messages))
    taken = 0
    async with bus.consume("FLOOR", "f", capacity=1024) as inbox:
        while taken < number:
            some = await inbox.take(512, wait=5)
            await inbox.ack(some)
            taken += len(some)
    await publishing
    return time.perf_counter() - begun


async def measure(url: str, targets: int, rounds: int) -> None:
    bus = await connect(NatsOptions(servers=(url,)))
    while True:
        try:
            status = await ask(bus, Verb.STATUS, Empty(), StatusReply)
        except Exception:  # noqa: BLE001  # not up yet
            await asyncio.sleep(POLL_S)
            continue
        if isinstance(status, StatusReply) and status.summary.counts.targets == targets:
            break
        await asyncio.sleep(POLL_S)
    first = await ask(bus, Verb.ENABLE, SwitchRequest(by="bench"), SwitchReply)
    if isinstance(first, SwitchReply):
        await finished(bus, first.run_id)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(rounds):
        ours.append(await round_trip(bus))
        bare.append(await floor(bus, targets))
    await bus.close()
    jobs, messages = (targets / statistics.median(seconds) for seconds in (ours, bare))
    print(f"{targets} targets, one no-op check, medians of {rounds}:")
    print(f"  end to end       {jobs:8.0f} jobs/s   ({statistics.median(ours):.2f} s a run)")
    print(f"  bare, one way    {messages:8.0f} messages/s")
    print(f"  ratio            {jobs / messages:8.2f}")


def start(role: str, url: str, folder: Path, targets: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "benchmarks.jobs", "--role", role, "--url", url]
    words += ["--folder", str(folder), "--targets", str(targets)]
    return subprocess.Popen(words, env=os.environ)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--default-sync", action="store_true")
    parser.add_argument("--role", default="")
    parser.add_argument("--url", default="")
    parser.add_argument("--folder", default="")
    given = parser.parse_args(arguments)
    logs.configure("warning", "console")
    if given.role == "coordinator":
        asyncio.run(coordinate(given.url, given.folder))
    elif given.role == "worker":
        asyncio.run(work(given.url, given.folder, given.targets))
    else:
        run(given.targets, given.rounds, sync_always=not given.default_sync)


def run(targets: int, rounds: int, *, sync_always: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="stt-bench-") as folder:
        root = Path(folder)
        broker = embedded_nats.start(root / "nats", sync_always=sync_always)
        both = [start(role, broker.url, root / role, targets) for role in ("coordinator", "worker")]
        try:
            print(f"sync_interval {'always' if sync_always else 'of two minutes'}; ", end="")
            asyncio.run(measure(broker.url, targets, rounds))
        finally:
            for process in both:
                process.send_signal(signal.SIGTERM)
            for process in both:
                process.wait(30)
            broker.stop()


if __name__ == "__main__":
    main()
