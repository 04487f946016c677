"""A new target gets one run of all its checks: together with others, once, and not while off."""

from __future__ import annotations

from dataclasses import replace

from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.protocol.control import SwitchReply, SwitchRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from tests.support.coordinator.coordination import (
    QUICK,
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    running,
    status,
    until,
)

PROMPT = replace(QUICK, new_targets_quiet_s=0.3)
MANY = tuple((f"t{number:05}", Family.MYSQL) for number in range(300))


async def runs(bus: Bus) -> list[tuple[str, int]]:
    reply = await ask(bus, Verb.RUNS, RunsRequest(), RunsReply)
    return [(one.schedule, one.jobs) for one in reversed(reply.runs)]


async def test_targets_that_are_announced_after_the_first_run_get_one_run_together_and_once() -> (
    None
):
    store, broker = MemoryStore(), MemoryBroker()
    bus = broker.connect()
    worker = FakeWorker(bus=bus, site="eu")
    async with running(broker.connect(), store, timing=PROMPT), at_work(worker):
        await until(lambda: known(bus, 1))
        await finished(bus, (await enable(bus)).run_id)
        worker.targets = MANY[:100]
        await until(lambda: known(bus, 100))
        worker.targets = MANY
        await until(lambda: checked(bus, 300))
        assert await runs(bus) == [("enable", 1), ("first", 300)]
    async with running(broker.connect(), store, timing=PROMPT), at_work(worker):
        worker.targets = (*MANY, ("t1", Family.MYSQL), ("p1", Family.POSTGRESQL))
        await until(lambda: known(bus, 302))
        await until(lambda: has_run(bus, 3))
        # t1 was known, is back, and has had its run.
        assert await runs(bus) == [("enable", 1), ("first", 300), ("first", 1)]


async def test_a_target_that_is_announced_while_checks_are_off_waits_for_the_run_of_enabling() -> (
    None
):
    store, broker = MemoryStore(), MemoryBroker()
    bus = broker.connect()
    worker = FakeWorker(bus=bus, site="eu")
    async with running(broker.connect(), store, timing=PROMPT), at_work(worker):
        await until(lambda: known(bus, 1))
        await finished(bus, (await enable(bus)).run_id)
        await ask(bus, Verb.DISABLE, SwitchRequest(by="test"), SwitchReply)
        worker.targets = MANY[:10]
        await until(lambda: known(bus, 10))
        await until(lambda: waiting(store, 10))
        await finished(bus, (await enable(bus)).run_id)
        await until(lambda: waiting(store, 0))
        assert await runs(bus) == [("enable", 1), ("enable", 10)]


async def known(bus: Bus, number: int) -> bool:
    return (await status(bus)).summary.counts.targets == number


async def checked(bus: Bus, number: int) -> bool:
    counts = (await status(bus)).summary.counts
    return (counts.targets_checked, counts.not_checked) == (number, 2)  # t1 is gone


async def has_run(bus: Bus, number: int) -> bool:
    return len(await runs(bus)) == number


async def waiting(store: MemoryStore, number: int) -> bool:
    rows = await store.read(lambda ledger: ledger.fleet.awaiting_run())
    return len(rows) == number
