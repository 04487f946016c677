"""A coordinator on the in-process bus: from enabling to the counts, and through its restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.ledger import results
from stt_coordinator.ledger.results import RecordedBatch
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.tasks import ingest
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import RequestError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Change, Family
from stt_shared.protocol.messages import CheckOutcome, Job, Watermark
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import FindingEvent, RunEvent, Summary
from tests.support.coordinator.coordination import (
    QUICK,
    SITE,
    FakeWorker,
    FullStore,
    ask,
    at_work,
    catalogue,
    enable,
    failed,
    finished,
    passed,
    running,
    status,
    until,
)

T = TypeVar("T")


async def test_enabling_checks_every_announced_target_and_counts_what_was_found() -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    async with running(bus, MemoryStore()):
        worker = FakeWorker(
            bus=broker.connect(),
            targets=(("orders", Family.MYSQL), ("ledger", Family.POSTGRESQL)),
            answer=lambda job: [
                failed(r.check) if r.check == "mysql_empty_password" else passed(r.check)
                for r in job.checks
            ],
        )
        async with at_work(worker):
            reply = await enable(bus)
            assert reply.changed
            run = await finished(bus, reply.run_id)
            assert (run.jobs, run.done, run.unanswered) == (2, 2, 0)
            counts = (await status(bus)).summary.counts
        assert (counts.critical, counts.passed, counts.not_checked) == (1, 2, 0)
        assert (counts.targets, counts.targets_checked) == (2, 2)


def seven_targets(broker: MemoryBroker) -> FakeWorker:
    targets = tuple((f"t{number}", Family.MYSQL) for number in range(7))
    return FakeWorker(bus=broker.connect(), targets=targets, answer=one_failed)


def one_failed(job: Job) -> list[CheckOutcome]:
    return [
        failed(ref.check) if ref.check == "mysql_empty_password" else passed(ref.check)
        for ref in job.checks
    ]


def messages(broker: MemoryBroker, stream: str, prefix: str = "") -> list[bytes]:
    kept = broker.streams[stream].messages.values()
    return [one.data for one in kept if one.subject.startswith(prefix)]


async def enabled_run(broker: MemoryBroker, store: Store, worker: FakeWorker) -> str:
    """Enable with every target known, and be finished."""
    async with running(broker.connect(), store), at_work(worker):
        await until(lambda: _knows(broker, len(worker.targets)))
        reply = await enable(broker.connect())
        await finished(broker.connect(), reply.run_id)
        await until(lambda: _summed_up(broker, reply.run_id))
        await until(lambda: _all_published(store))
    return reply.run_id


async def _knows(broker: MemoryBroker, number: int) -> bool:
    return (await status(broker.connect())).summary.counts.targets == number


async def _announced(broker: MemoryBroker, worker: FakeWorker) -> bool:
    """Announce again until a coordinator that was still starting has heard it."""
    await worker.announce()
    return await _knows(broker, len(worker.targets))


def _summed_up(broker: MemoryBroker, run_id: str) -> bool:
    """Whether the summary of the finished run is published: it comes after the last result."""
    for subject in (subjects.SUMMARY_ALL, subjects.summary_of_site(SITE)):
        summaries = messages(broker, subjects.STREAM_SUMMARY, subject)
        run = codec.decode(Summary, summaries[-1]).last_run if summaries else None
        if run is None or (run.run_id, run.state) != (run_id, "finished"):
            return False
    return True


async def _all_published(store: Store) -> bool:
    return not await store.read(lambda ledger: ledger.outbox.oldest(1))


async def test_restart_before_the_jobs_are_answered_loses_and_doubles_nothing() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    worker = seven_targets(broker)
    async with running(broker.connect(), store):
        await until(lambda: _announced(broker, worker))
        reply = await enable(broker.connect())
        await until(lambda: len(messages(broker, subjects.STREAM_JOBS)) == 7)
    async with running(broker.connect(), store), at_work(worker):
        run = await finished(broker.connect(), reply.run_id)
        assert (run.jobs, run.done) == (7, 7)
    assert len(worker.jobs) == 7
    assert len(messages(broker, subjects.STREAM_TICKS)) == 1


async def test_store_that_was_lost_is_refilled_by_the_next_run_and_results_go_on() -> None:
    broker = MemoryBroker()
    worker = seven_targets(broker)
    await enabled_run(broker, MemoryStore(), worker)
    worker.oldest = worker.sequence + 1
    # The broker knows the jobs of the run that is planned again, and takes them for repetitions.
    timing = replace(QUICK, result_timeout=timedelta(milliseconds=100))
    async with running(broker.connect(), MemoryStore(), timing), at_work(worker):
        await until(lambda: _knows(broker, 7))
        reply = await ask(broker.connect(), Verb.RUN, RunRequest(by="test"), RunReply)
        await finished(broker.connect(), reply.run.run_id)
        await until(lambda: _watermark(broker) == worker.sequence)


def _watermark(broker: MemoryBroker) -> int:
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    kept = messages(broker, f"KV_{subjects.BUCKET_WATERMARK}", subject)
    return codec.decode(Watermark, kept[-1]).sequence if kept else 0


async def test_watermark_that_the_broker_lost_is_published_again_after_a_restart() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    await enabled_run(broker, store, seven_targets(broker))
    broker.streams[f"KV_{subjects.BUCKET_WATERMARK}"].messages.clear()
    async with running(broker.connect(), store):
        await until(lambda: _watermark(broker) == 7)


async def test_control_state_that_the_broker_lost_is_restored_from_the_store() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    await enabled_run(broker, store, seven_targets(broker))
    broker.streams[f"KV_{subjects.BUCKET_CONTROL}"].messages.clear()
    async with running(broker.connect(), store):
        state = (await status(broker.connect())).state
    assert (state.enabled, state.reason) == (True, "CHG-1")
    assert messages(broker, f"KV_{subjects.BUCKET_CONTROL}") != []


async def test_every_change_is_an_event_once_and_the_last_summary_says_the_counts() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    run_id = await enabled_run(broker, store, seven_targets(broker))
    events = [
        codec.decode(FindingEvent, data)
        for data in messages(broker, subjects.STREAM_EVENTS, "stt.v1.event.finding.")
    ]
    assert len(events) == len({event.after.id for event in events}) == 7
    assert {(event.change, event.run_id) for event in events} == {(Change.OPENED, run_id)}
    runs = [
        codec.decode(RunEvent, data)
        for data in messages(broker, subjects.STREAM_EVENTS, "stt.v1.event.run.")
    ]
    assert [event.phase for event in runs] == ["started", "finished"]
    for subject in (subjects.SUMMARY_ALL, subjects.summary_of_site("eu-west")):
        summaries = codec.decode(Summary, messages(broker, subjects.STREAM_SUMMARY, subject)[-1])
        assert (summaries.counts.critical, summaries.counts.targets_checked) == (7, 7)
        assert summaries.enabled
        assert summaries.last_run is not None
        assert summaries.last_run.state == "finished"


async def test_broker_that_goes_away_and_comes_back_is_lived_through() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    worker = seven_targets(broker)
    async with running(broker.connect(), store):
        await until(lambda: _announced(broker, worker))
        reply = await enable(broker.connect())
        broker.down = True
        await asyncio.sleep(0.1)
        broker.down = False
        async with at_work(worker):
            run = await finished(broker.connect(), reply.run_id)
    assert run.done == 7


async def test_full_disk_acknowledges_nothing_and_ends_well_when_there_is_room_again() -> None:
    broker, store = MemoryBroker(), FullStore()
    worker = seven_targets(broker)
    async with running(broker.connect(), store):
        await until(lambda: _announced(broker, worker))
        reply = await enable(broker.connect())
        await until(lambda: len(messages(broker, subjects.STREAM_JOBS)) == 7)
        store.full = True
        async with at_work(worker):
            await until(lambda: len(worker.published) == 7)
            aggregator = broker.consumers[
                subjects.STREAM_RESULTS, subjects.results_consumer(1).name
            ]
            await until(lambda: aggregator.leased)
            assert len(aggregator.leased) + len(aggregator.waiting) == 7
            with pytest.raises(RequestError) as caught:
                await ask(broker.connect(), Verb.RUN, RunRequest(by="test"), RunReply)
            assert caught.value.code == "unavailable"
            store.full = False
            run = await finished(broker.connect(), reply.run_id)
            await until(lambda: not aggregator.leased)
    assert run.done == 7


async def test_result_that_cannot_be_recorded_is_rejected_and_the_others_of_its_batch_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaking(*arguments: Any, **options: Any) -> RecordedBatch:
        if any(one.result.target == "t3" for one in arguments[1]):
            raise OverflowError("too large a number")
        return results.record_results(*arguments, **options)

    monkeypatch.setattr(ingest, "record_results", breaking)
    broker, store = MemoryBroker(), MemoryStore()
    worker = seven_targets(broker)
    async with running(broker.connect(), store), at_work(worker):
        await until(lambda: _knows(broker, 7))
        reply = await enable(broker.connect())
        await until(lambda: _done(broker, reply.run_id, 6))
        degraded = (await status(broker.connect())).degraded
    assert degraded == ("rejected messages of the last 24 h: 1 unusable",)


async def _done(broker: MemoryBroker, run_id: str, number: int) -> bool:
    request = RunsRequest(run_id=run_id)
    reply = await ask(broker.connect(), Verb.RUNS, request, RunsReply)
    return bool(reply.runs) and reply.runs[0].done == number


async def test_error_that_nobody_foresaw_ends_the_coordinator_aloud() -> None:
    class Broken(MemoryStore):
        async def read(self, work: Callable[[Ledger], T]) -> T:
            del work
            raise ZeroDivisionError("a bug")

    broker = MemoryBroker()
    means = CoordinatorDependencies(
        bus=broker.connect(), store=Broken(), checks=catalogue, timing=QUICK
    )
    with pytest.raises(ZeroDivisionError):
        await Coordinator(means).run(asyncio.Event())
