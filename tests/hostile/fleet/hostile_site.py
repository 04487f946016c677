"""One worker of real parts with healthy and hostile targets, and what it costs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization

from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import ControlState, Job, Result
from stt_shared.settings import WorkerSettings
from stt_shared.telemetry import logs
from stt_worker.databases.port import Endpoint, Limits, Tls
from stt_worker.execution.runtime import CheckRuntime, open_runtime
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.service import WorkerDependencies, serve
from stt_worker.targets.file import TargetList
from stt_worker.targets.model import Inventory, Target
from stt_worker.targets.secrets import Secret
from tests.servers.certificates import Certificates
from tests.support.holdings import descendants
from tests.support.worker.fakes import job, until

CONCURRENCY = 8
LIMITS = Limits(connect_s=4, statement_s=4, client_s=5)
ROUND_S = 120.0
SAMPLE_S = 0.05
MIB = 1024 * 1024


@dataclass
class Site:
    """A worker that runs. Jobs go in by name of their target; results come out by job."""

    broker: MemoryBroker
    targets: dict[str, Target]
    stop: asyncio.Event
    life: asyncio.Task[None]
    rounds: int = 0
    results: dict[str, Result] = field(default_factory=dict)
    _read: int = 0

    async def begin(self, names: Iterable[str]) -> dict[str, str]:
        """Publish a job for each target, in this order; the job of each."""
        self.rounds += 1
        jobs = {name: self._job(name) for name in names}
        messages = [
            Outgoing(subject=subjects.job(one.family, one.site, one.target), data=codec.encode(one))
            for one in jobs.values()
        ]
        await self.broker.connect().publish(messages)
        return {name: one.job_id for name, one in jobs.items()}

    def _job(self, name: str) -> Job:
        family = self.targets[name].family
        run = f"run-{self.rounds}"
        return job(builtin().of(family), name, family=family, run_id=run, job_id=f"{run}.{name}")

    async def ended(self, jobs: Iterable[str]) -> dict[str, Result]:
        """The results of these jobs, as soon as the last is there."""
        wanted = set(jobs)
        await until(lambda: wanted <= self._arrived().keys(), ROUND_S)
        return {one: self.results[one] for one in wanted}

    def _arrived(self) -> dict[str, Result]:
        kept = list(self.broker.streams[subjects.STREAM_RESULTS].messages.values())
        for one in kept[self._read :]:
            result = codec.decode(Result, one.data)
            self.results[result.job_id] = result
        self._read = len(kept)
        return self.results

    async def timed(self, healthy: Sequence[str], hostile: Sequence[str] = ()) -> float:
        """Seconds until all healthy targets are done; the hostile ones are awaited after that."""
        begun = time.monotonic()
        jobs = await self.begin([*hostile, *healthy])
        found = await self.ended(jobs[name] for name in healthy)
        took = time.monotonic() - begun
        for result in found.values():
            assert result.facts is not None, result.outcomes[0]
        await self.ended(jobs.values())
        return took


@asynccontextmanager
async def site(targets: Sequence[Target], limits: Limits = LIMITS) -> AsyncGenerator[Site]:
    """A worker in this process that is stopped at the end of the block."""
    logs.configure("error", "json")
    broker = MemoryBroker()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [subjects.jobs_consumer("default", one) for one in Family])
    state = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
    await bus.publish([Outgoing(subject=state, data=codec.encode(ControlState(enabled=True)))])
    stop = asyncio.Event()
    preload = ("tests.hostile.fleet.slow_names",)
    async with open_runtime(builtin(), CONCURRENCY, preload=preload) as runtime:
        dependencies = {
            family: replace(one, limits=limits) for family, one in runtime.dependencies.items()
        }
        parts = WorkerDependencies(
            runtime=CheckRuntime(dependencies=dependencies, catalogue=runtime.catalogue),
            outbox=MemoryOutbox(),
            bus=broker.connect(),
            hangup=asyncio.Event(),
        )
        own = WorkerSettings(name="w1", concurrency=CONCURRENCY, grace_s=3.0)
        listed = TargetList(targets=tuple(targets))
        life = asyncio.create_task(serve(own, Inventory(targets), lambda: listed, parts, stop))
        try:
            yield Site(broker, {one.id: one for one in targets}, stop, life)
        finally:
            stop.set()
            await life


def proportional_bytes(pids: Iterable[int]) -> int:
    """Memory of processes; a page that several share counts once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(one.split()[1]) for one in text.splitlines() if one.startswith("Pss:"))
    return total * 1024


class Peak:
    """The most memory that this process and its descendants have while the block runs."""

    def __init__(self, without: Iterable[int]) -> None:
        self._without = tuple(without)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self.bytes = self._now()

    def _now(self) -> int:
        return proportional_bytes([os.getpid(), *descendants(os.getpid(), self._without)])

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            self.bytes = max(self.bytes, self._now())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def target(
    name: str, family: Family, port: int, *, host: str = "127.0.0.1", secret: str = ""
) -> Target:
    endpoint = Endpoint(family=family, host=host, port=port, user="stt", tls=Tls(mode="off"))
    scheme, _, rest = secret.partition(":")
    return Target(id=name, endpoint=endpoint, secret=Secret(scheme, rest or "p"))


def with_pass_phrase(family: Family, certificates: Certificates, folder: Path) -> Target:
    made = encrypted(certificates.client_key, folder / f"{family}.key")
    tls = Tls(cert=str(certificates.client_cert), key=str(made), ca=str(certificates.ca))
    found = target("pass-phrase", family, 9, host="localhost")
    return replace(found, endpoint=replace(found.endpoint, tls=tls))


def encrypted(key: Path, into: Path) -> Path:
    """The private key `key` with a pass phrase."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    lock = serialization.BestAvailableEncryption(b"a pass phrase")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    into.write_bytes(loaded.private_bytes(*form, lock))
    return into


def names(targets: list[Target]) -> list[str]:
    return [one.id for one in targets]
