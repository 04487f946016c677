"""While clocks disagree nothing ends, nothing is deleted, no slot is decided; then all goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stt_coordinator.ledger import suppressions
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import Rejected
from stt_coordinator.tasks.deadlines import end_suppressions
from stt_coordinator.tasks.guards.clock_guard import STABLE_S, ClockGuard
from stt_coordinator.tasks.retention import RetentionLimits, prune
from stt_coordinator.tasks.wakeups import Wakeups
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol import subjects
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.ledgers import leaving
from tests.support.coordinator.store_rows import run, suppression

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR = 365 * DAY
LIMITS = RetentionLimits()
JUMPS = [YEAR, 25 * HOUR, 1_200 * DAY, -HOUR]


class Clocks:
    """A guard with the clocks of the coordinator, of NATS and of the machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed_s = 0.0
        self.boot = "b1"
        self.jumped = timedelta(0)
        monkeypatch.setattr(clock, "now", self.wall)
        monkeypatch.setattr(clock, "uptime", lambda: self.passed_s)
        monkeypatch.setattr(clock, "boot", lambda: self.boot)
        self.broker = MemoryBroker()
        self.store = MemoryStore()
        self.guard = self.restarted()

    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s) + self.jumped

    def restarted(self) -> ClockGuard:
        self.guard = ClockGuard(bus=self.broker.connect(), store=self.store, wakeups=Wakeups())
        return self.guard

    def jump(self, by: timedelta, *, broker_too: bool = False) -> None:
        """Move the coordinator's clock; the clock of the broker in memory follows it or not."""
        self.jumped = by
        self.broker.ahead = timedelta(0) if broker_too else -by

    async def wait(self, seconds: float) -> None:
        self.passed_s += seconds
        await self.guard.compare()

    async def history(self, *ages: timedelta) -> None:
        rows = [Rejected(code="c", reason="", subject="s", at=NOW - age, data=b"") for age in ages]
        await self.store.transact(lambda ledger: ledger.results.add_rejected(rows))

    async def left(self) -> int:
        await prune(self.store, LIMITS, self.guard.mark)
        found = await self.store.read(lambda ledger: ledger.results.count_rejected())
        return sum(found.values())


@pytest.fixture
async def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks(monkeypatch)
    await made.broker.connect().ensure(subjects.STREAMS, [])
    return made


@pytest.mark.parametrize("broker_too", [False, True])
@pytest.mark.parametrize("by", JUMPS)
async def test_a_jump_deletes_nothing_ends_nothing_and_decides_nothing(
    clocks: Clocks, by: timedelta, *, broker_too: bool
) -> None:
    await clocks.guard.compare()
    await clocks.history(29 * DAY, HOUR)
    accepted = suppression("x_a", until=NOW.date())
    await clocks.store.transact(lambda ledger: suppressions.record(ledger, [accepted], NOW))
    clocks.jump(by, broker_too=broker_too)
    for _ in range(3):
        await clocks.wait(10.0)
        assert await clocks.guard.now() is None
        await end_suppressions(clocks.store, Wakeups(), clocks.guard.now)
        assert await clocks.left() == 2
    assert "the clock of the coordinator jumped" in clocks.guard.why_held
    assert "no scheduled run starts" in clocks.guard.degraded[0]
    kept = await clocks.store.read(lambda ledger: ledger.suppressions.get("x_a"))
    assert kept is not None
    assert kept.ended is None
    clocks.jump(timedelta(0))
    await clocks.wait(10.0)
    assert (await clocks.guard.now(), clocks.guard.degraded) == (clocks.wall(), ())
    events = await leaving(clocks.store, "event.clock")
    assert events == ["stt.v1.event.clock.held", "stt.v1.event.clock.released"]


async def test_a_jump_is_not_forgotten_by_a_restart(clocks: Clocks) -> None:
    await clocks.guard.compare()
    clocks.jump(YEAR, broker_too=True)
    clocks.restarted()
    await clocks.wait(5.0)
    assert "jumped 365 d ahead" in clocks.guard.why_held


async def test_the_server_whose_clock_jumped_is_named(clocks: Clocks) -> None:
    await clocks.guard.compare()
    clocks.broker.ahead = 25 * HOUR
    await clocks.wait(5.0)
    assert clocks.guard.why_held == "the clock of the NATS server jumped 1 d 1 h ahead"
    assert clocks.guard.offset_s == pytest.approx(-25 * 3_600.0)


async def test_both_clocks_on_another_time_for_long_enough_count_but_delete_a_day_a_day(
    clocks: Clocks,
) -> None:
    await clocks.guard.compare()
    await clocks.history(29 * DAY + 12 * HOUR, 10 * DAY, HOUR)
    clocks.jump(YEAR, broker_too=True)
    await clocks.wait(1.0)
    await clocks.wait(STABLE_S / 2)
    assert clocks.guard.why_held
    await clocks.wait(STABLE_S / 2 + 1)
    assert await clocks.guard.now() == clocks.wall()
    assert await clocks.left() == 3, "a year has not passed"
    await clocks.wait(DAY.total_seconds())
    assert await clocks.left() == 2
    for _ in range(18):
        await clocks.wait(DAY.total_seconds())
    assert await clocks.left() == 2
    for _ in range(3):
        await clocks.wait(DAY.total_seconds())
    assert await clocks.left() == 1


async def test_a_clock_that_runs_too_fast_is_found_although_it_never_jumps(clocks: Clocks) -> None:
    await clocks.guard.compare()
    for second in range(1, 60):
        clocks.jump(timedelta(seconds=10 * second), broker_too=True)
        await clocks.wait(10.0)
    assert "the clock of the coordinator jumped" in clocks.guard.why_held


async def test_nats_that_does_not_answer_holds_nothing_that_was_compared_before(
    clocks: Clocks,
) -> None:
    await clocks.guard.compare()
    clocks.broker.down = True
    await clocks.wait(7_200.0)
    assert (clocks.guard.why_held, clocks.guard.offset_s) == ("", None)
    clocks.jump(25 * HOUR)
    await clocks.wait(5.0)
    assert clocks.guard.why_held == "the clock of the coordinator jumped 1 d 1 h ahead"


async def test_a_store_of_an_earlier_release_deletes_nothing_at_once_under_a_wrong_clock(
    clocks: Clocks,
) -> None:
    await clocks.history(29 * DAY, HOUR)

    def write(ledger: Ledger) -> None:
        ledger.runs.put(run(started=NOW, state="finished"))

    await clocks.store.transact(write)
    clocks.jump(YEAR, broker_too=True)
    assert await clocks.left() == 2
