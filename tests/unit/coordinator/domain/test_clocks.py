"""Clocks agree while they move as time does; whichever jumps is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.time.clocks import ClockRecord, Reading, agreed, disagreement
from tests.support.coordinator.coordination import NOW

ZERO, HOUR, DAY = timedelta(0), timedelta(hours=1), timedelta(days=1)
YEAR = timedelta(days=365)


def reading(
    passed_s: float = 0.0,
    own: timedelta = ZERO,
    theirs: timedelta | None = ZERO,
    boot: str = "b1",
) -> Reading:
    """The clocks after so many seconds, each with how far it jumped."""
    at = NOW + timedelta(seconds=passed_s)
    broker = at + theirs if theirs is not None else None
    return Reading(wall=at + own, broker=broker, uptime_s=passed_s, boot=boot)


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (YEAR, ZERO, "the clock of the coordinator jumped 365 d ahead"),
        (25 * HOUR, ZERO, "the clock of the coordinator jumped 1 d 1 h ahead"),
        (1_200 * DAY, None, "the clock of the coordinator jumped 1200 d ahead"),
        (-HOUR, ZERO, "the clock of the coordinator jumped 1 h back"),
        (ZERO, 25 * HOUR, "the clock of the NATS server jumped 1 d 1 h ahead"),
        (ZERO, -HOUR, "the clock of the NATS server jumped 1 h back"),
        (
            YEAR,
            YEAR,
            " and ".join(
                f"the clock of the {whose} jumped 365 d ahead"
                for whose in ("coordinator", "NATS server")
            ),
        ),
        (timedelta(minutes=4), timedelta(minutes=4), ""),
        (timedelta(minutes=1), ZERO, ""),
        (ZERO, None, ""),
    ],
)
def test_the_clock_that_jumped_is_named(
    own: timedelta, theirs: timedelta | None, expected: str
) -> None:
    assert disagreement(reading(), reading(30.0, own, theirs)) == expected


def test_clocks_that_differ_from_the_first_reading_on_are_named_without_blame() -> None:
    assert disagreement(None, reading(0.0, own=3 * HOUR)) == (
        "the clock of the coordinator is 3 h ahead of that of the NATS server (limit 2 min); which"
        " of them is wrong is not known"
    )
    assert disagreement(None, reading(theirs=None)) == (
        "the clock of the NATS server cannot be read"
    )
    assert disagreement(None, reading()) == ""


def test_after_a_start_of_the_machine_only_a_step_back_is_a_jump() -> None:
    assert disagreement(reading(), reading(40 * 86_400.0, boot="b2")) == ""
    back = reading(0.0, own=-DAY, theirs=-DAY, boot="b2")
    assert "coordinator jumped 1 d back" in disagreement(reading(), back)


@given(st.floats(0, 10**8), st.integers(-110, 110), st.integers(-110, 110))
def test_clocks_that_move_as_time_does_agree_however_long_it_was(
    passed_s: float, own_s: int, theirs_s: int
) -> None:
    slewed = reading(passed_s, timedelta(seconds=own_s / 2), timedelta(seconds=theirs_s / 2))
    assert disagreement(reading(), slewed) == ""


instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    timezones=st.just(UTC),
)


@given(
    instants,
    st.lists(st.tuples(instants, st.floats(0, 10**6), st.booleans()), min_size=1, max_size=20),
)
def test_what_retention_counts_from_never_moves_faster_than_measured_time(
    start: datetime, steps: list[tuple[datetime, float, bool]]
) -> None:
    record: ClockRecord | None = None
    uptime_s, boot = 0.0, 0
    for wall, passed_s, is_new_boot in steps:
        uptime_s, boot = uptime_s + passed_s, boot + is_new_boot
        now = Reading(wall=wall, broker=wall, uptime_s=uptime_s, boot=str(boot))
        before, record = record, agreed(record, now, start)
        assert record.mark <= wall
        if before is None:
            assert record.mark <= start
        else:
            measured_s = 0.0 if is_new_boot else passed_s
            gained = (record.mark - before.mark).total_seconds()
            assert gained <= measured_s + 1e-3
