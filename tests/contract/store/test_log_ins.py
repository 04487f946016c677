"""What log-ins guarantee on every store, whoever tries at the same time and whatever clocks say."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from stt_coordinator.control.log_ins import AHEAD, MAX_IN_ALL, MAX_OF_ORIGIN, SESSION, Entry, LogIns
from stt_coordinator.store.port import Store
from tests.support.coordinator.store_rows import HOUR, NOW

YEARS = timedelta(days=1461)
ATTEMPTS = 3 * MAX_OF_ORIGIN


async def test_of_many_attempts_at_once_only_as_many_as_the_limit_are_tried(store: Store) -> None:
    log_ins = LogIns(store)
    found = await asyncio.gather(*(log_ins.enter("10.0.0.1", None, NOW) for _ in range(ATTEMPTS)))
    assert found.count(Entry()) == MAX_OF_ORIGIN
    assert all(one.wait_s for one in found if one != Entry())
    # Also for the right token: who guesses must not learn which one it is.
    assert (await log_ins.enter("10.0.0.1", "d", NOW)).wait_s
    assert (await log_ins.enter("10.0.0.2", "d", NOW)).session


async def test_failures_of_a_clock_that_was_ahead_keep_nobody_out(store: Store) -> None:
    ahead = LogIns(store)
    for number in range(MAX_IN_ALL + MAX_OF_ORIGIN):
        await ahead.enter(f"10.0.0.{number % 13}", None, NOW + YEARS)
    for origin in ("10.0.0.1", "192.0.2.1"):
        assert (await LogIns(store).enter(origin, "d", NOW)).session
    # Not those of a clock that is a little ahead: they count, but for no longer than they should.
    for _ in range(MAX_OF_ORIGIN):
        await ahead.enter("10.0.0.7", None, NOW + AHEAD / 2)
    waits = (await LogIns(store).enter("10.0.0.7", "d", NOW)).wait_s
    assert 0 < waits <= (2 * AHEAD).total_seconds()


async def test_a_session_of_a_clock_that_was_ahead_lets_nobody_in(store: Store) -> None:
    log_ins = LogIns(store)
    late = (await log_ins.enter("10.0.0.1", "d", NOW + YEARS)).session
    assert await log_ins.holder(late, NOW) is None
    assert await log_ins.holder(late, NOW + 24 * HOUR) is None
    good = (await log_ins.enter("10.0.0.1", "d", NOW + AHEAD / 2)).session
    assert await log_ins.holder(good, NOW) == "d"
    assert await log_ins.holder(good, NOW + AHEAD / 2 + SESSION) is None
