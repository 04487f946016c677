"""A whole worker in memory: what it announces, how much it does at once, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.model import Check
from stt_shared.errors import ConfigError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.messages import Announcement, ControlState, Result
from stt_shared.settings import WorkerSettings
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import Hanging, MemoryDatabase
from stt_worker.databases.port import Choose, Endpoint, Inspection, Limits
from stt_worker.execution.runtime import CheckRuntime
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.service import WorkerDependencies, serve
from stt_worker.targets.file import TargetList
from stt_worker.targets.model import Inventory, Target
from tests.support.worker.fakes import QUICK, check, dependencies, job, server, target, until

CHECKS = [check("a")]


@dataclass
class Site:
    """A worker that runs, and the broker it talks to."""

    broker: MemoryBroker
    database: MemoryDatabase
    outbox: MemoryOutbox
    stop: asyncio.Event
    hangup: asyncio.Event
    life: asyncio.Task[None]
    listed: list[Target]
    heard: list[Announcement]

    async def publish_jobs(self, *names: str) -> None:
        messages = [
            Outgoing(
                subject=subjects.job(Family.POSTGRESQL, "default", name),
                data=codec.encode(job(CHECKS, name)),
            )
            for name in names
        ]
        await self.broker.connect().publish(messages)

    def results(self) -> dict[str, Result]:
        kept = self.broker.streams[subjects.STREAM_RESULTS].messages.values()
        found = [codec.decode(Result, one.data) for one in kept]
        assert len({one.job_id for one in found}) == len(found)
        return {one.target: one for one in found}

    def jobs(self) -> int:
        return len(self.broker.streams[subjects.STREAM_JOBS].messages)


async def enabled_broker() -> MemoryBroker:
    broker = MemoryBroker()
    bus = broker.connect()
    await bus.ensure(subjects.STREAMS, [subjects.jobs_consumer("default", Family.POSTGRESQL)])
    state = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
    await bus.publish([Outgoing(subject=state, data=codec.encode(ControlState(enabled=True)))])
    return broker


@asynccontextmanager
async def site(
    servers: dict[str, Any],
    targets: Sequence[Target],
    *,
    checks: Sequence[Check] = CHECKS,
    limits: Limits | None = None,
    database: MemoryDatabase | None = None,
    **own: Any,
) -> AsyncIterator[Site]:
    broker, outbox = await enabled_broker(), MemoryOutbox()
    database = database or MemoryDatabase(servers)
    listed, heard = list(targets), list[Announcement]()
    listening = asyncio.create_task(listen(broker, heard))
    check_dependencies = dependencies(
        checks, inspector=DirectInspector(database), limits=limits or QUICK
    )
    settings: dict[str, Any] = {"name": "w1", "grace_s": 5.0} | own
    runtime = CheckRuntime(
        dependencies={Family.POSTGRESQL: check_dependencies}, catalogue=check_dependencies.catalogue
    )
    stop = asyncio.Event()

    def load() -> TargetList:
        if not listed:
            raise ConfigError("the targets are wrong")
        return TargetList(targets=tuple(listed))

    hangup = asyncio.Event()
    parts = WorkerDependencies(runtime=runtime, outbox=outbox, bus=broker.connect(), hangup=hangup)
    life = asyncio.create_task(
        serve(WorkerSettings(**settings), Inventory(listed), load, parts, stop)
    )
    try:
        yield Site(broker, database, outbox, stop, hangup, life, listed, heard)
        stop.set()
        await asyncio.wait_for(life, 60)
    finally:
        listening.cancel()
        life.cancel()
        await asyncio.gather(listening, life, return_exceptions=True)


async def listen(broker: MemoryBroker, heard: list[Announcement]) -> None:
    async with broker.connect().listen(subjects.ANNOUNCEMENTS) as messages:
        async for message in messages:
            heard += [codec.decode(Announcement, message.data)]


async def test_jobs_that_come_are_done_and_leave_the_queue() -> None:
    names = [f"t{n}" for n in range(30)]
    async with site({"db": server()}, [target(name) for name in names]) as here:
        await here.publish_jobs(*names)
        await until(lambda: here.jobs() == 0)
        assert set(here.results()) == set(names)
        assert {r.outcomes[0].outcome for r in here.results().values()} == {Outcome.PASSED}
        assert sorted(r.sequence for r in here.results().values()) == list(range(1, 31))


async def test_hanging_databases_cost_a_slot_and_delay_nobody_else() -> None:
    good, bad = [f"good{n}" for n in range(20)], ["bad1", "bad2"]
    targets = [target(name) for name in good] + [target(name, "hanging") for name in bad]
    servers = {"db": server(), "hanging": Hanging()}
    patient = Limits(connect_s=2.0)
    async with site(servers, targets, concurrency=3, limits=patient) as here:
        await here.publish_jobs(*bad, *good)
        await until(lambda: here.jobs() == 0)
        order = [one.target for one in sorted(here.results().values(), key=lambda r: r.sequence)]
        assert sorted(order[:20]) == sorted(good)
        assert here.results()["bad1"].outcomes[0].outcome is Outcome.ERROR


async def test_no_more_targets_are_looked_at_at_once_than_configured() -> None:
    names = [f"t{n}" for n in range(12)]
    counting = Counting({"db": server(latency_s=0.02)})
    targets = [target(name) for name in names]
    async with site({}, targets, concurrency=3, database=counting) as here:
        await here.publish_jobs(*names)
        await until(lambda: here.jobs() == 0)
    assert counting.most == 3


class Counting(MemoryDatabase):
    """Counts how many inspections run at once."""

    now = most = 0

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super().inspect(endpoint, choose, limits)
        finally:
            self.now -= 1


async def test_the_worker_announces_itself_and_that_it_leaves() -> None:
    async with site({"db": server()}, [target("t1"), target("t2")]) as here:
        await until(lambda: here.heard)
    first, last = here.heard[0], here.heard[-1]
    assert (first.worker, first.site, first.leaving) == ("w1", "default", False)
    assert len(first.pack) == 64
    assert [one.target for one in first.targets] == ["t1", "t2"]
    assert last.leaving


async def test_a_nudge_is_answered_with_an_announcement_and_a_new_look_at_the_state() -> None:
    async with site({"db": server()}, [target()]) as here:
        await until(lambda: here.heard and here.broker.listeners[1:])
        before = len(here.heard)
        await here.broker.connect().send(subjects.NUDGE, b"")
        await until(lambda: len(here.heard) > before)


async def test_at_hangup_the_new_list_counts_and_a_wrong_one_does_not() -> None:
    async with site({"db": server()}, [target("t1"), target("t2")]) as here:
        await until(lambda: here.heard)
        here.listed[:] = [target("t2"), target("t3")]
        here.hangup.set()
        await until(lambda: [t.target for t in here.heard[-1].targets] == ["t2", "t3"])
        await here.publish_jobs("t3")
        await until(lambda: "t3" in here.results())
        here.listed.clear()
        here.hangup.set()
        await here.broker.connect().send(subjects.NUDGE, b"")
        await here.publish_jobs("t2")
        await until(lambda: "t2" in here.results())
        assert [t.target for t in here.heard[-1].targets] == ["t2", "t3"]


async def test_at_the_end_running_jobs_finish_and_waiting_ones_go_back() -> None:
    names = [f"t{n}" for n in range(6)]
    servers = {"db": server(latency_s=0.3)}
    async with site(servers, [target(name) for name in names], concurrency=2) as here:
        await here.publish_jobs(*names)
        await until(lambda: here.database.asked)
        here.stop.set()
        await asyncio.wait_for(here.life, 60)
        assert len(here.results()) in (2, 3, 4)
        assert len(here.results()) + here.jobs() == 6


async def test_a_job_that_outlasts_the_grace_time_is_put_back() -> None:
    async with site({"db": server(latency_s=60.0)}, [target()], grace_s=0.1) as here:
        await here.publish_jobs("t1")
        await until(lambda: here.database.inspected)
        here.stop.set()
        await asyncio.wait_for(here.life, 60)
        consumer = here.broker.consumers[subjects.STREAM_JOBS, "w_default_postgresql"]
        assert (here.jobs(), here.results(), consumer.leased) == (1, {}, {})


async def test_the_broker_may_go_and_come_back() -> None:
    names = [f"t{n}" for n in range(10)]
    servers = {"db": server(latency_s=0.05)}
    async with site(servers, [target(name) for name in names], concurrency=2) as here:
        await here.publish_jobs(*names)
        await until(here.results)
        here.broker.down = True
        await asyncio.sleep(0.2)
        here.broker.down = False
        here.broker.expire_leases()
        await until(lambda: len(here.results()) == 10, 20.0)
        await until(lambda: here.jobs() == 0)
