"""Jobs that are taken and not answered are counted by site, and its workers are named."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.ledger.reconcile import reconcile
from stt_coordinator.store.port import Store
from stt_coordinator.tasks import dispatcher
from stt_coordinator.tasks.guards.silent_takers import HELD_TIMES, SHOWN_S, SilentTakers
from stt_coordinator.tasks.stream_upkeep import free_ended
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import NOW, QUICK
from tests.support.coordinator.ledgers import job_of, planned, worker_record
from tests.support.coordinator.store_rows import job

TIMEOUT = timedelta(minutes=5)
SITES = {"w1": "eu", "w2": "eu", "w9": "us"}
LATE = NOW + (HELD_TIMES + 1) * TIMEOUT


def takers() -> SilentTakers:
    return SilentTakers(TIMEOUT, lambda: SITES)


def receipt(publication: Publication) -> Receipt:
    return Receipt(publication=publication)


def test_a_job_whose_last_message_left_without_a_result_is_counted_and_named() -> None:
    guard = takers()
    first, second = job(dispatch=1), job(dispatch=2)
    guard.note([(first, receipt(Publication.STORED))], NOW)
    assert not guard.degraded, "it is published for the first time"
    guard.note([(second, receipt(Publication.STORED))], NOW)
    guard.note_given_up([second])
    (sentence,) = guard.degraded
    assert sentence == (
        "jobs of site eu for mysql are not answered (1 left NATS without a result, published again,"
        " 1 given up) although workers are up: one of w1, w2 fails or has too many, or another"
        " client uses its credential"
    )


@pytest.mark.parametrize(
    ("publication", "at", "is_named"),
    [
        (Publication.OCCUPIED, NOW + 2 * TIMEOUT, False),  # a queue
        (Publication.OCCUPIED, LATE, True),
        (Publication.DUPLICATE, LATE, False),
        (Publication.FAILED, LATE, False),
    ],
)
def test_a_job_that_stays_on_its_subject_is_named_after_long(
    publication: Publication, at: object, *, is_named: bool
) -> None:
    guard = takers()
    guard.note([(job(dispatch=2), receipt(publication))], at)  # type: ignore[arg-type]
    assert ("1 not answered for long" in " ".join(guard.degraded)) is is_named


def test_it_is_named_for_an_hour_and_each_site_and_type_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    guard = takers()
    other = job("t9", site="us", family=Family.MONGODB)
    guard.note_given_up([job(), other])
    assert {one.split()[3] for one in guard.degraded} == {"eu", "us"}
    now = SHOWN_S
    guard.note_given_up([other])
    now += 1
    (sentence,) = guard.degraded
    assert sentence.startswith("jobs of site us for mongodb are not answered (2 given up)")
    now += SHOWN_S
    assert not guard.degraded


async def test_only_jobs_that_a_worker_could_answer_count_as_given_up() -> None:
    for state, expected in (("up", 1), ("down", 0)):
        store = await planned("t1")
        one = msgspec.structs.replace(worker_record("w1"), state=state)
        await store.transact(lambda ledger, row=one: ledger.fleet.put_workers([row]))  # type: ignore[misc]  # bound now
        late = NOW + timedelta(days=2)
        done = await store.transact(lambda ledger, at=late: reconcile(ledger, at, QUICK))  # type: ignore[misc]  # bound now
        assert (done.number, len(done.given_up)) == (1, expected)


async def ended(store: Store, state: JobState) -> None:
    row = msgspec.structs.replace(await job_of(store), state=state)
    await store.transact(lambda ledger: ledger.jobs.put([row]))


@pytest.mark.parametrize(
    ("state", "is_freed"),
    [(JobState.UNANSWERED, True), (JobState.DONE, True), (JobState.DISPATCHED, False)],
)
async def test_the_message_of_an_ended_job_leaves_its_subject_and_no_other_one(
    state: JobState, *, is_freed: bool
) -> None:
    store, broker = await planned("t1"), MemoryBroker()
    broker.ensure(subjects.STREAMS, [])
    bus = broker.connect()
    one = await job_of(store)
    neighbour = Outgoing(subject=subjects.job(one.family, one.site, "t2"), data=b"not a job")
    await bus.publish([dispatcher.message(one), neighbour])
    await ended(store, state)
    await free_ended(bus, store, [one, msgspec.structs.replace(one, target="t2")])
    subject = subjects.job(one.family, one.site, one.target)
    assert (await bus.last(subjects.STREAM_JOBS, subject) is None) is is_freed
    assert await bus.last(subjects.STREAM_JOBS, neighbour.subject) is not None
