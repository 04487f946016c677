"""Slots: derivable by anyone, none lost, none twice, whatever the clock and the outages do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.time.schedule import MAX_SKIPPED, PERIODS, due, next_slot, slot_at
from stt_shared.protocol.enums import Interval

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENABLED = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
instants = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  # the zone is drawn
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001  # as above
    timezones=st.just(UTC),
)
intervals = st.sampled_from(Interval)


def test_periods_are_24_78_and_4_hours() -> None:
    hours = {interval: period.total_seconds() / 3600 for interval, period in PERIODS.items()}
    assert hours == {Interval.STANDARD: 24, Interval.RARE: 78, Interval.FREQUENT: 4}


@given(intervals, instants)
def test_slots_are_multiples_of_the_period_since_1970_around_now(
    interval: Interval, now: datetime
) -> None:
    slot, period = slot_at(interval, now), PERIODS[interval]
    assert (slot - EPOCH) % period == timedelta(0)
    assert slot <= now < next_slot(interval, now) == slot + period


@given(instants, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_after_any_outage_each_missed_slot_is_decided_once_and_the_newest_runs(
    enabled: datetime, away: timedelta
) -> None:
    now = enabled + away
    for one in due(now, {}, enabled):
        period = PERIODS[one.schedule]
        decided = [*one.skipped, one.run]
        assert one.run == slot_at(one.schedule, now)
        assert all(later - earlier == period for earlier, later in pairwise(decided))
        assert decided[0] > enabled
        assert decided[0] - enabled <= period or len(one.skipped) == MAX_SKIPPED


@given(instants, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_nothing_is_due_twice(enabled: datetime, later: timedelta) -> None:
    now = enabled + later
    last = {str(one.schedule): one.run for one in due(now, {}, enabled)}
    assert due(now, last, enabled) == ()


def test_slots_before_enabling_are_nobodys() -> None:
    just_before_midnight = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    assert due(just_before_midnight, {}, ENABLED) != ()
    assert [one.schedule for one in due(ENABLED, {}, ENABLED)] == []
    old = {"standard": datetime(2026, 1, 1, tzinfo=UTC)}
    assert due(ENABLED + timedelta(minutes=1), old, ENABLED) == ()


def test_two_days_away_run_the_newest_slot_and_skip_the_older_by_name() -> None:
    now = ENABLED + timedelta(days=2)
    standard = next(one for one in due(now, {}, ENABLED) if one.schedule is Interval.STANDARD)
    assert standard.run == datetime(2026, 11, 25, tzinfo=UTC)
    assert standard.skipped == (datetime(2026, 11, 24, tzinfo=UTC),)


@given(instants, st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=900)))
def test_slots_that_a_clock_decided_while_it_was_ahead_do_not_stop_the_schedule(
    now: datetime, ahead: timedelta
) -> None:
    last = {str(interval): slot_at(interval, now + ahead) for interval in Interval}
    found = due(now, last, now - timedelta(days=90))
    stopped = {interval for interval, slot in last.items() if slot > now}
    assert {str(one.schedule) for one in found} == stopped
    assert all((one.run, one.skipped) == (slot_at(one.schedule, now), ()) for one in found)


def test_more_missed_slots_than_the_limit_are_not_all_recorded() -> None:
    now = ENABLED + timedelta(days=3650)
    frequent = next(one for one in due(now, {}, ENABLED) if one.schedule is Interval.FREQUENT)
    assert len(frequent.skipped) == MAX_SKIPPED
