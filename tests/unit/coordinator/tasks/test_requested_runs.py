"""A run on request is a run of its own, answered by nothing older; enabling starts one run once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from stt_coordinator.domain.model import JobRecord, JobState
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.retention import Before
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    running,
    status,
    until,
)


async def requested(bus: MemoryBus) -> RunReply:
    return await ask(bus, Verb.RUN, RunRequest(by="test", targets=("t1",)), RunReply)


async def job_of(store: Store, run_id: str) -> JobRecord:
    (found,) = await store.read(lambda ledger: ledger.jobs.of_run(run_id, "", 9))
    return found


async def enabled(bus: MemoryBus) -> None:
    async def known() -> bool:
        return (await status(bus)).summary.counts.targets == 1

    await until(known)
    await finished(bus, (await enable(bus)).run_id)


async def test_concurrent_requests_for_one_target_get_runs_of_their_own() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect())
    async with running(bus, store), at_work(worker):
        await enabled(bus)
        replies = await asyncio.gather(*(requested(bus) for _ in range(4)))
        ids = {reply.run.run_id for reply in replies}
        assert len(ids) == 4
        for run_id in ids:
            assert (await finished(bus, run_id)).done == 1


async def test_request_is_never_answered_by_a_job_that_a_worker_may_have_received_before() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect())
    async with running(bus, store):
        async with at_work(worker):
            await enabled(bus)
        # Nobody works now: the first request's job is with a worker or on its queue.
        first = await requested(bus)

        async def dispatched() -> bool:
            return (await job_of(store, first.run.run_id)).state is JobState.DISPATCHED

        await until(dispatched)
        second, third = await requested(bus), await requested(bus)
        assert (first.joined, second.joined, third.joined) == ((), (), ("t1",))
        assert (await job_of(store, third.run.run_id)).follows == f"{second.run.run_id}.t1"
        asked_at = clock.now()
        async with at_work(worker):
            for reply in (first, second, third):
                await finished(bus, reply.run.run_id)
        for reply in (second, third):
            job = await job_of(store, reply.run.run_id)
            assert job.started is not None
            assert job.started >= asked_at
        # One for enabling, one for the first request, one for both others.
        assert len(worker.jobs) == 3


async def test_run_that_followed_enabling_does_not_come_back_when_it_was_pruned() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect(), targets=(("t1", Family.MYSQL),))
    async with running(bus, store), at_work(worker):
        await enabled(bus)
        later = clock.now() + timedelta(seconds=1)

        def prune(ledger: Ledger) -> None:
            ledger.retention.prune(Before(full=later, daily=later, audit=later), 10_000)

        await store.transact(prune)
        assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
        await asyncio.sleep(0.2)  # ten turns of the schedule
        assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
    assert len(worker.jobs) == 1
