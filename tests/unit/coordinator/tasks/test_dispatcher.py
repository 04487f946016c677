"""Jobs reach the broker once, are noted when they have, and lost ones go out again or are named."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from stt_coordinator.domain.model import JobRecord, JobState, WorkerRecord
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.ledger.reconcile import reconcile
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.dispatcher import Dispatcher
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import Job
from tests.support.coordinator.coordination import NOW, passed
from tests.support.coordinator.ledgers import (
    job_of,
    minutes,
    planned,
    recorded,
    result,
    run_of,
    target_of,
)

TIMING = Timing(occupied=timedelta(minutes=1))


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


async def broker() -> MemoryBroker:
    made = MemoryBroker()
    await made.connect().ensure(subjects.STREAMS, [])
    return made


def dispatcher(made: MemoryBroker, store: Store) -> Dispatcher:
    return Dispatcher(bus=made.connect(), store=store, timing=TIMING)


def queued(made: MemoryBroker) -> list[Job]:
    messages = made.streams[subjects.STREAM_JOBS].messages.values()
    return [codec.decode(Job, message.data) for message in messages]


async def with_worker(store: Store, state: str = "up") -> Store:
    worker = WorkerRecord(
        worker="w1", site="eu", state=state, version="1", started=NOW, last_heard=NOW, targets=1
    )
    await store.transact(lambda ledger: ledger.fleet.put_workers([worker]))
    return store


async def change(store: Store, **changes: object) -> None:
    row = msgspec.structs.replace(await job_of(store), **changes)
    await store.transact(lambda ledger: ledger.jobs.put([row]))


async def test_every_pending_job_is_published_and_noted() -> None:
    made, names = await broker(), [f"t{number:04}" for number in range(600)]
    store = await planned(*names)
    await dispatcher(made, store).send_pending()
    assert len(queued(made)) == 600
    tally = await store.read(lambda ledger: ledger.jobs.count_by_state("standard-1"))
    assert tally == {JobState.DISPATCHED: 600}
    assert (await job_of(store, "t0001")).deadline == NOW + TIMING.result_timeout


async def test_job_published_but_not_noted_is_on_the_queue_once() -> None:
    made, store = await broker(), await planned("t1")
    await dispatcher(made, store).send_pending()
    await change(store, state=JobState.PENDING)
    await dispatcher(made, store).send_pending()
    assert len(queued(made)) == 1
    assert (await job_of(store)).state is JobState.DISPATCHED


async def test_broker_that_is_away_keeps_jobs_pending() -> None:
    made, store = await broker(), await planned("t1")
    made.down = True
    with pytest.raises(UnreachableError, match="1 jobs were not stored"):
        await dispatcher(made, store).send_pending()
    assert (await job_of(store)).state is JobState.PENDING


async def test_result_that_overtakes_the_note_stays() -> None:
    made, store = await broker(), await planned("t1")
    sender = dispatcher(made, store)
    pending = await store.read(lambda ledger: ledger.jobs.dispatchable(NOW, 9))
    await recorded(store, result("t1", passed("c1"), passed("c2")))
    await sender.note(pending, [Receipt(publication=Publication.STORED, sequence=1)])
    assert (await job_of(store)).state is JobState.DONE


async def test_job_whose_subject_is_taken_waits_its_turn() -> None:
    made, store = await broker(), await planned("t1")
    foreign = await planned("t1", run_id="foreign-1")
    await dispatcher(made, foreign).send_pending()
    await dispatcher(made, store).send_pending()
    job = await job_of(store)
    assert (job.state, job.not_before) == (JobState.PENDING, NOW + TIMING.occupied)


async def test_lost_job_is_published_again_under_a_new_number() -> None:
    made, store = await broker(), await with_worker(await planned("t1"))
    await dispatcher(made, store).send_pending()
    made.streams[subjects.STREAM_JOBS].messages.clear()
    late = NOW + TIMING.result_timeout
    assert (await store.transact(lambda ledger: reconcile(ledger, late, TIMING))).number == 1
    await change(store, not_before=NOW)
    await dispatcher(made, store).send_pending()
    assert [job.dispatch for job in queued(made)] == [2]


async def test_job_still_on_the_queue_is_left_there_and_does_not_use_up_a_number() -> None:
    made, store = await broker(), await with_worker(await planned("t1"))
    await dispatcher(made, store).send_pending()
    for _ in range(9):
        late = NOW + TIMING.result_timeout
        await store.transact(lambda ledger: reconcile(ledger, late, TIMING))  # noqa: B023
        await change(store, not_before=NOW)
        await dispatcher(made, store).send_pending()
    job = await job_of(store)
    assert (job.state, job.dispatch, len(queued(made))) == (JobState.DISPATCHED, 1, 1)


async def test_job_that_no_worker_takes_off_the_queue_ends_by_name_when_it_expires() -> None:
    made, store = await broker(), await with_worker(await planned("t1"))
    await dispatcher(made, store).send_pending()
    expires = (await job_of(store)).expires
    at = NOW + TIMING.result_timeout
    while at < expires:
        await store.transact(lambda ledger: reconcile(ledger, at, TIMING))  # noqa: B023
        await change(store, not_before=NOW)
        await dispatcher(made, store).send_pending()
        assert (await job_of(store)).state is JobState.DISPATCHED, "it waits for its turn"
        at = max((await job_of(store)).deadline, at + TIMING.result_timeout)
    await store.transact(lambda ledger: reconcile(ledger, at, TIMING))
    job = await job_of(store)
    assert (job.state, len(queued(made))) == (JobState.UNANSWERED, 1)
    assert {(one.outcome, one.kind) for one in job.outcomes} == {(Outcome.ERROR, Kind.NO_WORKER)}
    assert job.outcomes[0].reason == "no worker answered before the job expired"


async def given_up(store: Store, after: float = 5.0) -> JobRecord:
    await store.transact(lambda ledger: reconcile(ledger, minutes(after), TIMING))
    return await job_of(store)


async def test_job_of_a_target_whose_workers_are_all_down_is_given_up_by_name() -> None:
    store = await with_worker(await planned("t1"), "down")
    job = await given_up(store)
    assert job.state is JobState.UNANSWERED
    assert {(one.outcome, one.kind) for one in job.outcomes} == {(Outcome.ERROR, Kind.NO_WORKER)}
    assert "no worker of site eu-west that serves t1 is up" in job.outcomes[0].reason
    assert (await run_of(store)).unanswered == 1
    assert (await target_of(store)).reason == job.outcomes[0].reason


async def test_nothing_is_looked_at_before_its_deadline() -> None:
    store = await planned("t1")
    assert (await given_up(store, 4.9)).state is JobState.PENDING


async def test_job_that_got_lost_again_and_again_is_given_up() -> None:
    store = await with_worker(await planned("t1"))
    await change(store, state=JobState.DISPATCHED, dispatch=TIMING.max_dispatches)
    assert (await given_up(store)).state is JobState.UNANSWERED


async def test_job_that_waits_for_a_busy_worker_is_given_up_only_when_it_expires() -> None:
    store = await with_worker(await planned("t1"))
    assert (await given_up(store, 60)).state is JobState.PENDING
    assert (await given_up(store, 60 * 24)).state is JobState.UNANSWERED


async def test_job_of_a_target_that_is_gone_is_given_up() -> None:
    store = await with_worker(await planned("t1"))
    gone = msgspec.structs.replace(await target_of(store), gone=True)
    await store.transact(lambda ledger: ledger.fleet.put_targets([gone]))
    assert "gone from the configuration" in (await given_up(store)).outcomes[0].reason
