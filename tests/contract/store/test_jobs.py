"""What every store guarantees of jobs."""

from __future__ import annotations

from stt_coordinator.domain.model import JobState
from stt_coordinator.store.port import Ledger, Store
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    job,
)


async def test_only_the_oldest_outstanding_job_of_a_target_is_dispatchable(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t1"), job("t2"), job("t3", not_before=NOW + HOUR)])
        ledger.jobs.put([job("t1", "rare-1"), job("t2", "rare-1")])
        ledger.jobs.put([job("t4", follows="x")])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.jobs.dispatchable(NOW, 9))
    assert [one.job_id for one in found] == ["standard-1.t1", "standard-1.t2"]
    await store.transact(
        lambda ledger: ledger.jobs.put(
            [job("t1", state=JobState.DISPATCHED), job("t2", state=JobState.DONE)]
        )
    )
    found = await store.read(lambda ledger: ledger.jobs.dispatchable(NOW + HOUR, 9))
    assert [one.job_id for one in found] == ["standard-1.t3", "rare-1.t2"]


async def test_outstanding_jobs_are_found_by_target_by_deadline_and_by_whom_they_follow(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t1", deadline=NOW + HOUR), job("t2", deadline=NOW)])
        ledger.jobs.put([job("t3", state=JobState.DONE, deadline=NOW)])
        ledger.jobs.put([job("t1", "manual-1", follows="standard-1.t1", deadline=NOW)])

    await store.transact(write)
    outstanding = await store.read(lambda ledger: ledger.jobs.outstanding(["t1", "t3", "t9"]))
    assert {name: one.job_id for name, one in outstanding.items()} == {"t1": "standard-1.t1"}
    late = await store.read(lambda ledger: ledger.jobs.overdue(NOW, 9))
    assert [one.job_id for one in late] == ["standard-1.t2"]
    ahead = await store.read(lambda ledger: ledger.jobs.due_after(NOW, 9))
    assert [one.job_id for one in ahead] == ["standard-1.t1"]
    open_ = await store.read(lambda ledger: ledger.jobs.open(9))
    assert [one.job_id for one in open_] == ["standard-1.t1", "standard-1.t2"]
    followers = await store.read(lambda ledger: ledger.jobs.followers(["standard-1.t1", ""]))
    assert [one.job_id for one in followers] == ["manual-1.t1"]


async def test_waiting_jobs_are_those_behind_an_earlier_one_of_their_target(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t1"), job("t2", state=JobState.DISPATCHED), job("t3")])
        ledger.jobs.put([job("t4", state=JobState.DONE), job("t4", "manual-1")])
        ledger.jobs.put([job("t1", "manual-1"), job("t2", "manual-1"), job("t2", "manual-2")])
        ledger.jobs.put([job("t3", "manual-1", follows="standard-1.t3")])

    await store.transact(write)
    names = ["t1", "t2", "t3", "t4", "t9"]
    found = await store.read(lambda ledger: ledger.jobs.waiting(names))
    assert {name: one.job_id for name, one in found.items()} == {
        "t1": "manual-1.t1",
        "t2": "manual-2.t2",
    }


async def test_jobs_of_a_run_come_in_order_of_their_targets_and_are_tallied(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.jobs.put([job("t2"), job("t1"), job("t3", state=JobState.DONE), job("t1", "other")])

    await store.transact(write)
    found = await store.read(lambda ledger: ledger.jobs.of_run("standard-1", "t2", 9))
    assert [one.target for one in found] == ["t2", "t3"]
    tally = await store.read(lambda ledger: ledger.jobs.count_by_state("standard-1"))
    assert tally == {JobState.PENDING: 2, JobState.DONE: 1}
