"""Admission: at most so many targets at once, and slow targets delay no others."""

from __future__ import annotations

import asyncio

import pytest

from stt_worker.execution import admission
from stt_worker.execution.admission import AdmissionQueue, DrainingError


class Workload:
    """Targets that take so many seconds, and the order in which they began."""

    def __init__(self, number: int) -> None:
        self.queue = AdmissionQueue(number)
        self.begun: list[str] = []
        self.most = 0

    async def job(self, name: str, seconds: float) -> None:
        async with self.queue.admit(name) as admitted:
            admitted.unanswered = name.startswith("slow")
            self.begun.append(name)
            self.most = max(self.most, self.queue.running)
            await asyncio.sleep(seconds)

    async def jobs(self, seconds: float, *names: str) -> None:
        await asyncio.gather(*(self.job(name, seconds) for name in names))


async def test_no_more_targets_work_at_once_than_there_are_permits() -> None:
    load = Workload(3)
    await load.jobs(0.01, *(f"t{n}" for n in range(20)))
    assert load.most == 3
    assert load.begun == [f"t{n}" for n in range(20)]


async def test_a_target_that_waits_for_its_server_returns_its_permit() -> None:
    load = Workload(2)
    hanging = [asyncio.create_task(load.job(f"bad{n}", 600)) for n in range(5)]
    async with asyncio.timeout(60):
        await load.jobs(0.01, *(f"good{n}" for n in range(10)))
    for one in hanging:
        one.cancel()
    await asyncio.wait(hanging)
    await load.jobs(0.01, "a", "b", "c")
    assert load.queue.running == 0


async def test_new_targets_that_hang_leave_room_for_those_that_answered_before() -> None:
    load = Workload(2)
    await load.jobs(0.01, "good0", "good1")
    hanging = [asyncio.create_task(load.job(f"bad{n}", 600)) for n in range(20)]
    await asyncio.sleep(0.5)
    assert load.queue.running == (admission.ADMITTED_PER_PERMIT - 1) * 2
    async with asyncio.timeout(60):
        await load.jobs(0.01, "good0", "good1")
    for one in hanging:
        one.cancel()
    await asyncio.wait(hanging)


async def test_targets_that_were_slow_and_failed_come_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "SLOW_S", 0.05)
    load = Workload(2)
    slow, good, new = [[f"{kind}{n}" for n in range(4)] for kind in ("slow", "good", "new")]
    await load.jobs(0.1, *slow)
    await load.jobs(0.01, *good)
    load.begun.clear()
    await load.jobs(0.01, *slow, *new, *good)
    assert load.begun == [*good, *new, *slow]


async def test_no_more_slow_targets_run_at_once_than_there_are_permits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "SLOW_S", 0.01)
    monkeypatch.setattr(admission, "PERMIT_S", 0.01)
    load = Workload(2)
    slow = [f"slow{n}" for n in range(6)]
    await load.jobs(0.02, *slow)
    load.most = 0
    await load.jobs(0.1, *slow)
    assert load.most == 2


async def test_no_target_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SLOW_S", 0.01)
    load = Workload(1)
    await load.job("slow", 0.02)
    monkeypatch.setattr(admission, "WAIT_S", 0.0)
    load.begun.clear()
    await load.jobs(0.01, "first", "slow", "second", "third")
    assert load.begun.index("slow") < 3


async def test_after_drain_no_waiting_target_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "PERMIT_S", 600)
    load = Workload(1)
    running = asyncio.create_task(load.job("running", 600))
    waiting = asyncio.create_task(load.job("waiting", 0))
    await asyncio.sleep(0.02)
    load.queue.drain()
    with pytest.raises(DrainingError):
        await waiting
    with pytest.raises(DrainingError):
        await load.job("late", 0)
    assert load.begun == ["running"]
    running.cancel()
    await asyncio.wait([running])


async def test_a_cancelled_wait_costs_no_permit() -> None:
    load = Workload(1)
    running = asyncio.create_task(load.job("running", 0.05))
    waiting = [asyncio.create_task(load.job(f"w{n}", 0)) for n in range(3)]
    await asyncio.sleep(0.01)
    for one in waiting:
        one.cancel()
    await running
    async with asyncio.timeout(60):
        await load.job("next", 0)


async def test_a_target_that_must_be_alone_waits_for_those_under_way_and_holds_up_the_others() -> (
    None
):
    queue, log = AdmissionQueue(4), list[str]()

    async def job(name: str, *, alone: bool = False) -> None:
        async with queue.admit(name, alone=alone):
            log.append(f"+{name}{queue.running}")
            await asyncio.sleep(0.05)
            log.append(f"-{name}")

    first = [asyncio.create_task(job(name)) for name in "ab"]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        await asyncio.gather(*first, job("X", alone=True), job("c"), job("Y", alone=True), job("d"))
    assert log[:2] == ["+a1", "+b2"]
    assert log[4:8] == ["+X1", "-X", "+Y1", "-Y"]
    assert log[8:10] == ["+c1", "+d2"]


async def test_after_drain_a_target_that_must_be_alone_is_not_admitted() -> None:
    load = Workload(2)
    running = asyncio.create_task(load.job("running", 600))
    await asyncio.sleep(0.01)

    async def suspect() -> None:
        async with load.queue.admit("suspect", alone=True):
            load.begun.append("suspect")

    waiting = asyncio.create_task(suspect())
    await asyncio.sleep(0.01)
    load.queue.drain()
    with pytest.raises(DrainingError):
        await waiting
    assert load.begun == ["running"]
    running.cancel()
    await asyncio.wait([running])
