"""An active coordinator that does not lead takes in results and answers; the leader publishes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from stt_coordinator.control import control_commands, service
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.views.page_parts import metrics
from stt_coordinator.store.memory.store import MemoryStore
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
from stt_shared.protocol.messages import Watermark
from stt_shared.protocol.queries.health import HealthReply
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    status,
    until,
)
from tests.support.coordinator.pair import CHECKS, TARGETS, Pair, working


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[Pair]:
    async with working(Pair(tmp_path)) as both:
        yield both


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
