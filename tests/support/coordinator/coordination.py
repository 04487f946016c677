"""A coordinator in the test's own process, and a worker whose answers the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store, StoreFullError
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Delivery, Outgoing, Publication, RequestError
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, StatusReply, SwitchReply, SwitchRequest, Verb
from stt_shared.protocol.enums import Family, Interval, Outcome, Severity
from stt_shared.protocol.messages import (
    AnnouncedTarget,
    Announcement,
    CheckOutcome,
    Facts,
    Finding,
    Job,
    Result,
    Value,
)
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord

M = TypeVar("M", bound=Value)
T = TypeVar("T")
SITE = "eu-west"
TIMEOUT_S = 90.0  # of each wait: a busy machine is several times as slow
ANSWER_S = 60.0
POLL_S = 0.01
LEAVES_S = 2.0  # for the answers it has begun
NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
QUICK = Timing(
    schedule_s=0.02,
    first_targets=timedelta(seconds=2),
    occupied=timedelta(milliseconds=20),
    registry_s=0.01,
    summary_s=0.01,
    trouble_s=0.02,
    reconcile_s=0.1,
    report_s=0.02,
    ends_s=0.1,
)


def check(name: str, family: Family, interval: Interval = Interval.STANDARD) -> Check:
    return Check(
        name=name,
        version=2,
        family=family,
        summary=f"Check {name}",
        description="",
        script="",
        queries=(),
        digest=f"digest-of-{name}",
        interval=interval,
    )


class FullStore(MemoryStore):
    """A store whose disk is full as long as the test says so."""

    full = False

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        if self.full:
            raise StoreFullError("the disk is full", hint="make room")
        return await super().transact(work)


CHECKS = (
    check("mysql_empty_password", Family.MYSQL),
    check("mysql_version", Family.MYSQL, Interval.RARE),
    check("postgresql_super_role", Family.POSTGRESQL),
)


def catalogue() -> Catalogue:
    return Catalogue(checks={one.name: one for one in CHECKS}, releases={"as_of": "2026-11-01"})


def finding(key: str = "'app'@'%'", severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding(key=key, object=key, severity=severity, summary=f"{key} has no password")


def failed(name: str, *findings: Finding) -> CheckOutcome:
    return CheckOutcome(check=name, outcome=Outcome.FAILED, findings=findings or (finding(),))


def passed(name: str) -> CheckOutcome:
    return CheckOutcome(check=name, outcome=Outcome.PASSED)


Answer = Callable[[Job], Sequence[CheckOutcome]]


def all_passed(job: Job) -> Sequence[CheckOutcome]:
    return [passed(ref.check) for ref in job.checks]


@dataclass(kw_only=True)
class FakeWorker:
    """Takes the jobs of its site and answers them as the test sets it; keeps what it published."""

    bus: Bus
    name: str = "w1"
    epoch: str = "e1"
    targets: tuple[tuple[str, Family], ...] = (("t1", Family.MYSQL),)
    answer: Answer = all_passed
    sequence: int = 0
    oldest: int = 0  # of what it still has; 0: as a release that does not state it
    jobs: list[Job] = field(default_factory=list[Job])
    published: list[Outgoing] = field(default_factory=list[Outgoing])
    site: str = SITE
    labels: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    discovered: bool = False  # whether it found its targets by itself
    leaves: bool = False  # it takes no further job

    async def announce(self, *, leaving: bool = False) -> None:
        message = Announcement(
            worker=self.name,
            site=self.site,
            version="1",
            started=NOW,
            at=clock.now(),
            targets=tuple(
                AnnouncedTarget(
                    target=t, family=f, labels=self.labels.get(t, {}), discovered=self.discovered
                )
                for t, f in self.targets
            ),
            pack="",
            leaving=leaving,
            epoch=self.epoch,
        )
        await self.bus.send(subjects.announce(self.site, self.name), codec.encode(message))

    async def announcing(self) -> None:
        while True:
            await self.announce()
            await asyncio.sleep(0.05)

    async def working(self, family: Family) -> None:
        spec = subjects.jobs_consumer(self.site, family)
        await self.bus.ensure((), [spec])
        async with self.bus.consume(spec.stream, spec.name, capacity=64) as inbox:
            while not self.leaves:
                for delivery in await inbox.take(64, wait=0.2):
                    await self.publish(self.result(delivery))
                    await inbox.ack([delivery])

    def result(self, delivery: Delivery) -> Outgoing:
        job = codec.decode(Job, delivery.data)
        self.jobs.append(job)
        return self.message(job, self.answer(job))

    def message(self, job: Job, outcomes: Sequence[CheckOutcome]) -> Outgoing:
        self.sequence += 1
        now = clock.now()
        result = Result(
            job_id=job.job_id,
            run_id=job.run_id,
            dispatch=job.dispatch,
            execution=f"{job.dispatch}-{self.sequence}-1",
            target=job.target,
            family=job.family,
            site=job.site,
            worker=self.name,
            sequence=self.sequence,
            epoch=self.epoch,
            oldest=self.oldest,
            started=now,
            finished=now,
            outcomes=tuple(outcomes),
            facts=Facts(flavour="mysql", version=(8, 4, 6), version_text="8.4.6"),
            nonce=job.nonce,
        )
        return Outgoing(
            subject=subjects.result(job.family, job.site, job.target, self.name),
            data=codec.encode(result),
            message_id=f"{job.job_id}.{result.execution}.{self.sequence}",
        )

    async def publish(self, message: Outgoing) -> None:
        (receipt,) = await self.bus.publish([message])
        assert receipt.publication is Publication.STORED
        self.published.append(message)


@asynccontextmanager
async def running(
    bus: Bus,
    store: Store,
    timing: Timing = QUICK,
    checks: Callable[[], Catalogue] = catalogue,
    *,
    unused_mib_per_hour: int = 64,
    require_nonce: bool | None = None,
) -> AsyncGenerator[None]:
    """A coordinator that answers requests when the block begins."""
    stop = asyncio.Event()
    means = CoordinatorDependencies(
        bus=bus,
        store=store,
        checks=checks,
        timing=timing,
        unused_mib_per_hour=unused_mib_per_hour,
        require_nonce=require_nonce,
    )
    task = asyncio.create_task(Coordinator(means).run(stop))
    try:
        await answering(bus, task)
        yield
    finally:
        stop.set()
        await task


async def answering(bus: Bus, task: asyncio.Task[None]) -> None:
    async def answers() -> bool:
        if task.done():
            task.result()
        try:
            await ask(bus, Verb.STATUS, Empty(), StatusReply)
        except (RequestError, UnreachableError):  # not yet
            return False
        return True

    await until(answers)


@asynccontextmanager
async def at_work(worker: FakeWorker) -> AsyncGenerator[FakeWorker]:
    """A worker that announces itself and answers jobs while the block lasts."""
    families = sorted({family for _, family in worker.targets})
    working = [asyncio.create_task(worker.working(family)) for family in families]
    tasks = [*working, asyncio.create_task(worker.announcing())]
    worker.leaves = False
    try:
        yield worker
    finally:
        # Cancelled in the middle of a message it would not know whether that was stored.
        worker.leaves = True
        await asyncio.wait(working, timeout=LEAVES_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ask(
    bus: Bus, verb: Verb, request: Value, reply: type[M], *, limit_s: float = ANSWER_S
) -> M:
    data = await bus.request(subjects.control(verb), codec.encode(request), timeout=limit_s)
    return codec.decode(reply, data)


async def enable(bus: Bus) -> SwitchReply:
    return await ask(bus, Verb.ENABLE, SwitchRequest(by="test", reason="CHG-1"), SwitchReply)


async def status(bus: Bus) -> StatusReply:
    return await ask(bus, Verb.STATUS, Empty(), StatusReply)


async def finished(bus: Bus, run_id: str) -> RunRecord:
    async def is_over() -> RunRecord | None:
        reply = await ask(bus, Verb.RUNS, RunsRequest(run_id=run_id), RunsReply)
        over = bool(reply.runs) and reply.runs[0].state == "finished"
        return reply.runs[0] if over else None

    found = await until(is_over)
    assert isinstance(found, RunRecord)
    return found


async def until(holds: Callable[[], object]) -> object:
    """What `holds` (awaited if it can be) returns as soon as it is true."""
    deadline = clock.monotonic() + TIMEOUT_S
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert clock.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(POLL_S)
