"""Clocks that jump: the schedule, the jobs and the workers go on, and no finding comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.ledger.reconcile import rewind
from stt_shared import clock
from tests.support.coordinator.coordination import NOW, QUICK
from tests.support.coordinator.ledgers import job_of, planned
from tests.support.coordinator.scheduling import Clock, enable, runs, scheduler_site

YEAR = timedelta(days=365)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


async def test_schedule_goes_on_after_checks_were_enabled_while_the_clock_was_ahead(
    time: Clock,
) -> None:
    one = await scheduler_site()
    time.pass_by(days=365)
    await enable(one)
    await one.scheduler.run_due()
    time.pass_by(days=-365)
    for _ in range(3):
        await one.scheduler.run_due()
        time.pass_by(hours=4)
    found = await runs(one.store)
    assert {name for name in found if name.startswith("standard-")} == {"standard-20261124t000000z"}


async def test_schedule_goes_on_after_slots_were_decided_while_the_clock_was_ahead(
    time: Clock,
) -> None:
    one = await scheduler_site()
    await enable(one)
    time.pass_by(days=365)
    await one.scheduler.run_due()
    time.pass_by(days=-365)
    for _ in range(3):
        await one.scheduler.run_due()
        time.pass_by(hours=4)
    found = [run.run_id for run in await one.store.read(lambda ledger: ledger.runs.newest(9))]
    assert found[0] == "standard-20261124t000000z"
    slots = await one.store.read(lambda ledger: ledger.runs.last_slots())
    assert slots["standard"] == datetime(2026, 11, 24, tzinfo=UTC)


async def test_jobs_that_were_planned_while_the_clock_was_ahead_are_reconciled_in_time() -> None:
    store = await planned("t1", now=NOW + YEAR)
    assert await store.transact(lambda ledger: rewind(ledger, NOW, QUICK)) == 1
    job = await job_of(store)
    assert (job.not_before, job.deadline) == (NOW, NOW + QUICK.result_timeout)
    assert job.expires == NOW + timedelta(hours=24)
    assert await store.read(lambda ledger: ledger.jobs.dispatchable(NOW, 9)) == [job]
    assert await store.transact(lambda ledger: rewind(ledger, NOW, QUICK)) == 0


async def test_jobs_whose_deadline_is_as_the_timing_gives_it_are_left_alone() -> None:
    store = await planned("t1")
    running = msgspec.structs.replace(
        await job_of(store), state=JobState.DISPATCHED, deadline=NOW + QUICK.result_timeout
    )
    await store.transact(lambda ledger: ledger.jobs.put([running]))
    assert await store.transact(lambda ledger: rewind(ledger, NOW, QUICK)) == 0
    assert await job_of(store) == running
