"""An active coordinator that does not lead takes in results and answers; the leader publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.active import ActiveCoordinator
from stt_coordinator.control import control_commands, service
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.views.page_parts import metrics
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.lease.election import Election
from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.joining import Joined, Joiner
from stt_coordinator.lease.memory import Held, MemoryLease
from stt_coordinator.lease.port import Claimant
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.troubles import Troubles
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    Empty,
    RunReply,
    RunRequest,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.coordinators import Standby
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Watermark
from stt_shared.protocol.queries.health import HealthReply
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    ask,
    at_work,
    catalogue,
    enable,
    finished,
    status,
    until,
)

TTL_S = 6.0
A = Claimant(holder="a1", name="a", host="one", store="s", store_schema=19)
B = Claimant(holder="b1", name="b", host="two", store="s", store_schema=19)
CHECKS = 2  # of MySQL in this catalogue
TARGETS = tuple((f"t{number}", Family.MYSQL) for number in range(30))


@dataclass
class Pair:
    """Leader `a` and the active coordinator `b` on one broker and one store."""

    path: Path
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    kept: Kept = field(default_factory=lambda: Kept(identity="s"))
    held: Held = field(default_factory=Held)
    contexts: dict[str, HandlerContext] = field(default_factory=dict[str, HandlerContext])
    troubles: dict[str, Troubles] = field(default_factory=dict[str, Troubles])
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def _opened(self) -> Store:
        return MemoryStore(self.kept)

    def election(self, claimant: Claimant) -> Election:
        bus = self.broker.connect()
        return Election(
            bus=bus,
            lease=MemoryLease(self.held, claimant, ttl_s=TTL_S),
            claimant=claimant,
            open_store=self._opened,
            handover=Handover(self.path),
            joiner=Joiner(bus=bus, claimant=claimant, ttl_s=TTL_S, open_store=self._opened),
        )

    def dependencies(self, name: str, **parts: Any) -> CoordinatorDependencies:
        def page(context: HandlerContext, troubles: Troubles) -> Any:
            self.contexts[name], self.troubles[name] = context, troubles
            return asyncio.Event().wait

        return CoordinatorDependencies(
            checks=catalogue, timing=QUICK, page=page, is_shared=True, **parts
        )

    async def lead(self) -> None:
        office = await self.election(A).won(self.stop)
        assert office is not None
        async with office.acting(self.stop) as ended:
            parts = {"bus": office.bus, "store": office.store, "office": office}
            await Coordinator(self.dependencies("a", **parts)).run(ended)

    async def join(self) -> None:
        election = self.election(B)
        joiner = election.joiner
        assert joiner is not None
        winning = asyncio.create_task(election.won(self.stop))

        async def announce() -> None:
            joiner.changes += 1
            await election.announce()

        joined: Joined = await joiner.joined()
        async with joined.working() as ended:
            stopping = asyncio.create_task(self.stop.wait())
            stopping.add_done_callback(lambda _: ended.set())
            made = self.dependencies("b", bus=joined.bus, store=joined.store)
            await ActiveCoordinator(made, joined, announce).run(ended)
        await winning


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[Pair]:
    async with working(Pair(tmp_path)) as both:
        yield both


@asynccontextmanager
async def working(both: Pair) -> AsyncGenerator[Pair]:
    tasks = [asyncio.create_task(both.lead())]
    try:
        await until(lambda: "a" in both.contexts)
        tasks.append(asyncio.create_task(both.join()))
        await until(lambda: "b" in both.contexts)
        yield both
    finally:
        both.stop.set()
        await asyncio.gather(*tasks)


def executions(context: HandlerContext) -> float:
    """How many outcomes of checks this coordinator has recorded."""
    return sum(
        sample.value
        for metric in context.counters.collect()
        for sample in metric.samples
        if sample.name == "stt_check_executions_total"
    )


async def test_results_that_either_takes_in_are_recorded_once_and_published(pair: Pair) -> None:
    bus, store = pair.broker.connect(), MemoryStore(pair.kept)
    async with at_work(FakeWorker(bus=bus, targets=TARGETS)) as worker:
        first = await enable(bus)
        assert (await finished(bus, first.run_id)).done == len(TARGETS)
        for _ in range(10):
            reply = await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply)
            run = await finished(bus, reply.run.run_id)
            assert (run.done, run.unanswered) == (len(TARGETS), 0)
        number = len(worker.published)
        (mark,) = await store.read(lambda ledger: ledger.results.watermarks())
        assert mark.sequence == number
        stream = subjects.kv_stream(subjects.BUCKET_WATERMARK)
        key = subjects.kv(subjects.BUCKET_WATERMARK, worker.name)

        async def is_published() -> bool:
            found = await bus.last(stream, key)
            return found is not None and codec.decode(Watermark, found.data) == mark

        await until(is_published)
    recorded = {name: executions(context) for name, context in pair.contexts.items()}
    assert sum(recorded.values()) == number * CHECKS, recorded
    assert all(recorded.values()), recorded


async def test_what_is_changed_at_the_one_that_does_not_lead_the_leader_acts_on(
    pair: Pair,
) -> None:
    bus, context = pair.broker.connect(), pair.contexts["b"]
    async with at_work(FakeWorker(bus=bus, targets=TARGETS[:1])):
        await until(lambda: pair.kept.tables.targets)
        made = await control_commands.enable(context, SwitchRequest(by="ann", reason="r"))
        assert (await finished(bus, made.run_id)).done == 1
        off = CheckSwitchRequest(by="ann", check="mysql_version")
        await control_commands.disable_check(context, off)
        asked = await control_commands.run(context, RunRequest(by="ann"))
        assert (await finished(bus, asked.run.run_id)).done == 1
    (job,) = await MemoryStore(pair.kept).read(
        lambda ledger: ledger.jobs.of_run(asked.run.run_id, "", 9)
    )
    assert [ref.check for ref in job.checks] == ["mysql_empty_password"]


async def test_it_answers_every_verb_but_the_state_of_the_leader(pair: Pair) -> None:
    bus = pair.broker.connect()
    # In this broker the service that came last answers; both are in one group of NATS.
    by_leader = pair.broker.services[subjects.control(Verb.HEALTH)]
    assert all(
        (pair.broker.services[subjects.control(verb)] is not by_leader) is (verb != Verb.HEALTH)
        for verb in service.VERBS
    )
    reply = await status(bus)
    assert reply.coordinator is not None
    assert (reply.coordinator.name, reply.coordinator.epoch) == ("a", 1)
    health = await ask(bus, Verb.HEALTH, Empty(), HealthReply)
    assert health.coordinator is not None
    await until(lambda: [one.active for one in others(pair)] == [True])


def others(pair: Pair) -> tuple[Standby, ...]:
    leader = pair.contexts["a"].leader()
    return leader.standbys if leader is not None else ()


async def test_its_status_shows_what_the_leader_reports_and_what_fails_here(pair: Pair) -> None:
    context = pair.contexts["b"]
    pair.troubles["a"].report("page", "the leader has no page")
    await until(lambda: "the leader has no page" in context.degraded())
    # Its own trouble has its name: whoever answers, everybody has to know whose it is.
    pair.troubles["b"].report("page", "no page")
    assert "coordinator b on two: no page" in context.degraded()


async def test_its_metrics_count_what_it_did_and_nothing_of_the_store(pair: Pair) -> None:
    text = (await metrics(pair.contexts["b"])).decode()
    assert "stt_coordinator_acting 0.0" in text
    assert "stt_coordinator_active 1.0" in text
    assert "stt_findings" not in text
    leader = (await metrics(pair.contexts["a"])).decode()
    assert "stt_coordinator_acting 1.0" in leader
    assert "stt_coordinator_active 1.0" in leader
