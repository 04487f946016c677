"""Slots become runs once, by whichever coordinator, after whatever outage; and only if enabled."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stt_coordinator.domain.model import JobState, TargetRecord
from stt_coordinator.packs.library import Library
from stt_coordinator.tasks.scheduler import NO_TARGETS
from stt_shared import clock
from stt_shared.bus.values import Outgoing
from stt_shared.errors import ConfigError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Tick
from tests.support.coordinator.coordination import QUICK, catalogue
from tests.support.coordinator.ledgers import leaving
from tests.support.coordinator.scheduling import (
    ENABLED,
    Clock,
    enable,
    runs,
    scheduler_site,
)

FIRST = "enable-20261123t163012z"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


async def test_nothing_is_scheduled_before_somebody_enables_it(time: Clock) -> None:
    one = await scheduler_site()
    time.pass_by(days=9)
    await one.scheduler.run_due()
    assert await runs(one.store) == {}


async def test_enabling_starts_one_run_of_everything_and_no_second(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    for _ in range(3):
        await one.scheduler.run_due()
        time.pass_by(seconds=1)
    (run,) = (await runs(one.store)).values()
    assert (run.run_id, run.jobs, run.requested_by, run.reason) == (FIRST, 2, "test", "CHG-1")
    job = (await one.store.read(lambda ledger: ledger.jobs.by_id([f"{FIRST}.t1"])))[f"{FIRST}.t1"]
    assert [ref.check for ref in job.checks] == ["mysql_empty_password", "mysql_version"]


async def test_first_run_waits_for_targets_to_be_announced_and_then_says_there_are_none(
    time: Clock,
) -> None:
    one = await scheduler_site(targets=())
    await enable(one)
    await one.scheduler.run_due()
    assert await runs(one.store) == {}
    time.pass_by(seconds=QUICK.first_targets.total_seconds() + 1)
    await one.scheduler.run_due()
    (run,) = (await runs(one.store)).values()
    assert (run.state, run.jobs, run.reason) == ("finished", 0, NO_TARGETS)


async def test_first_run_waits_while_the_clocks_disagree(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    one.clocks.agree = False
    for _ in range(3):
        await one.scheduler.run_due()
        time.pass_by(seconds=20)
    assert await runs(one.store) == {}
    one.clocks.agree = True
    await one.scheduler.run_due()
    assert [run.run_id for run in (await runs(one.store)).values()] == [FIRST]


async def test_run_of_new_targets_waits_while_the_clocks_disagree(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def passed_s() -> float:
        return (time.at - ENABLED).total_seconds()

    monkeypatch.setattr(clock, "monotonic", passed_s)
    one = await scheduler_site()
    await enable(one)
    await one.scheduler.run_due()
    new = TargetRecord(
        target="t9", family=Family.MYSQL, site="eu", first_seen=ENABLED, awaits_run=True
    )
    await one.store.transact(lambda ledger: ledger.fleet.put_targets([new]))
    one.clocks.agree = False
    for _ in range(5):
        time.pass_by(seconds=60)
        await one.scheduler.run_due()
    assert set(await runs(one.store)) == {FIRST}
    one.clocks.agree = True
    await one.scheduler.run_due()
    assert [run.schedule for run in (await runs(one.store)).values()] == ["first", "enable"]


async def test_slot_runs_with_the_checks_of_its_interval(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    await one.scheduler.run_due()
    time.pass_by(hours=8)
    await one.scheduler.run_due()
    found = await runs(one.store)
    job_id = "standard-20261124t000000z.t1"
    job = (await one.store.read(lambda ledger: ledger.jobs.by_id([job_id])))[job_id]
    assert [ref.check for ref in job.checks] == ["mysql_empty_password"]
    assert set(found) == {FIRST, "standard-20261124t000000z"}


async def test_schedule_without_a_check_makes_no_runs_and_has_missed_nothing_later(
    time: Clock,
) -> None:
    one = await scheduler_site()
    await enable(one)
    await one.scheduler.run_due()
    for _ in range(3):
        time.pass_by(hours=4)
        await one.scheduler.run_due()
    assert not any(name.startswith("frequent-") for name in await runs(one.store))
    slots = await one.store.read(lambda ledger: ledger.runs.last_slots())
    assert slots["frequent"] == datetime(2026, 11, 24, 4, tzinfo=UTC)


async def test_after_an_outage_the_newest_slot_runs_and_the_others_are_skipped_by_name(
    time: Clock,
) -> None:
    one = await scheduler_site()
    await enable(one)
    await one.scheduler.run_due()
    time.pass_by(days=3)
    restarted = await scheduler_site(one.broker, one.store)
    await restarted.scheduler.run_due()
    found = await runs(one.store)
    states = {name: run.state for name, run in found.items() if name.startswith("standard-")}
    assert states == {
        "standard-20261124t000000z": "skipped",
        "standard-20261125t000000z": "skipped",
        "standard-20261126t000000z": "running",
    }
    assert len(await leaving(one.store, "event.run.skipped")) == sum(
        run.state == "skipped" for run in found.values()
    )


async def test_two_coordinators_plan_the_same_jobs_of_a_slot_that_one_of_them_took(
    time: Clock,
) -> None:
    first = await scheduler_site()
    second = await scheduler_site(first.broker)
    await enable(first)
    await first.scheduler.run_due()
    time.pass_by(seconds=30)
    await second.scheduler.run_due()
    ticks = first.broker.streams[subjects.STREAM_TICKS].messages
    assert len(ticks) == 1
    mine, theirs = await runs(first.store), await runs(second.store)
    assert set(mine) == set(theirs) == {FIRST}


async def test_tick_without_a_run_is_made_good_by_whoever_finds_it(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    slot = ENABLED.replace(microsecond=0)
    tick = Tick(schedule="enable", slot=slot, decision="run", at=time.at)
    subject = subjects.tick("enable", "20261123t163012z")
    await one.broker.connect().publish([Outgoing(subject=subject, data=codec.encode(tick))])
    await one.scheduler.run_due()
    assert (await runs(one.store))[FIRST].jobs == 2


async def test_decision_that_was_written_first_stands(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    slot = ENABLED.replace(microsecond=0)
    tick = Tick(
        schedule="enable", slot=slot, decision="skipped", at=time.at, reason="change freeze"
    )
    subject = subjects.tick("enable", "20261123t163012z")
    await one.broker.connect().publish([Outgoing(subject=subject, data=codec.encode(tick))])
    await one.scheduler.run_due()
    (run,) = (await runs(one.store)).values()
    assert (run.state, run.reason) == ("skipped", "change freeze")


async def test_rubbish_in_the_place_of_a_tick_does_not_stop_the_schedule(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    time.pass_by(seconds=1)
    subject = subjects.tick("enable", "20261123t163012z")
    await one.broker.connect().publish([Outgoing(subject=subject, data=b"\xff")])
    await one.scheduler.run_due()
    assert (await runs(one.store))[FIRST].state == "running"


async def test_broker_that_is_away_loses_no_slot(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    one.broker.down = True
    with pytest.raises(UnreachableError):
        await one.scheduler.run_due()
    one.broker.down = False
    time.pass_by(minutes=1)
    await one.scheduler.run_due()
    assert (await runs(one.store))[FIRST].jobs == 2


async def test_disabling_ends_what_waits_and_schedules_nothing_more(time: Clock) -> None:
    one = await scheduler_site()
    await enable(one)
    await one.scheduler.run_due()
    await enable(one, enabled=False)
    time.pass_by(days=2)
    await one.scheduler.run_due()
    (run,) = (await runs(one.store)).values()
    assert (run.state, run.unanswered) == ("finished", 2)
    jobs = await one.store.read(lambda ledger: ledger.jobs.of_run(FIRST, "", 9))
    assert {job.state for job in jobs} == {JobState.UNANSWERED}


async def test_enabling_again_runs_again(time: Clock) -> None:
    one = await scheduler_site()
    for enabled in (True, False, True):
        time.pass_by(minutes=1)
        await enable(one, enabled=enabled)
        await one.scheduler.run_due()
    assert len(await runs(one.store)) == 2


async def test_checks_that_cannot_be_read_leave_those_at_hand_and_are_reported(time: Clock) -> None:
    def broken() -> None:
        raise ConfigError("no folder of checks")

    del time
    library = Library(catalogue)
    await library.fetch()
    library._source = broken  # type: ignore[assignment]
    await library.fetch()
    assert library.checks(())
    assert "no folder of checks" in library.troubles[0]
