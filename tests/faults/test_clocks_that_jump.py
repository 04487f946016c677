"""The clock of a real coordinator jumps as clocks were seen to jump; nothing of it does harm."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import nats
import pytest

from stt_coordinator.ledger import suppressions
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, RunReply, RunRequest, StatusReply, Verb
from stt_shared.protocol.enums import Family, Severity
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.protocol.records import ClockEvent
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finding,
    finished,
    passed,
    until,
)
from tests.support.coordinator.store_rows import finding as finding_row
from tests.support.coordinator.store_rows import opened, suppression
from tests.support.processes.process import Process

DAY = timedelta(days=1)
OLD = timedelta(days=29, hours=23)  # of an event that is about to be too old
LEASE_S = 6.0
# How far, and for how long: several rounds of every task, and once for longer than the lease.
JUMPS = (
    (timedelta(days=365), 3.0),
    (timedelta(hours=25), LEASE_S + 4.0),
    (timedelta(days=1_200), 3.0),
    (-timedelta(hours=1), 3.0),
)


@dataclass(kw_only=True)
class Site:
    """A coordinator process, its clock, and a worker that finds what the test asks for."""

    bus: JetStreamBus
    folder: Path
    coordinator: Process
    worker: FakeWorker

    def move_clock(self, by: timedelta) -> None:
        written = self.folder / "clock.new"
        written.write_text(str(by.total_seconds()), encoding="ascii")
        written.replace(self.folder / "clock")  # at once: the process reads it all the time

    async def status(self) -> StatusReply:
        return await ask(self.bus, Verb.STATUS, Empty(), StatusReply)

    async def epoch(self) -> int:
        """It rises whenever a coordinator takes the lease, the same one again too."""
        acting = (await self.status()).coordinator
        assert acting is not None
        return acting.epoch

    async def run_finds(self, key: str) -> None:
        """A run now, whose finding must be open afterwards."""

        def answer(job: Job) -> Sequence[CheckOutcome]:
            found = finding(key, Severity.CRITICAL)
            first, *rest = (ref.check for ref in job.checks)
            return [failed(first, found), *(passed(name) for name in rest)]

        self.worker.answer = answer
        reply = await ask(self.bus, Verb.RUN, RunRequest(by="test"), RunReply)
        await finished(self.bus, reply.run.run_id)
        page = await ask(self.bus, Verb.FINDINGS, FindingsRequest(), FindingsReply)
        assert [one.object for one in page.findings] == [key]
        last = (await self.status()).summary.last_run
        assert last is not None
        assert last.run_id == reply.run.run_id

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        database = self.folder / "coordinator" / FILE
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    async def clock_events(self) -> list[ClockEvent]:
        connection = await nats.connect(self.coordinator.environment["STT_NATS_URL"])
        try:
            stream = connection.jetstream()
            pattern = f"{subjects.ROOT}.event.clock.>"
            consumer = await stream.subscribe(pattern, stream=subjects.STREAM_EVENTS)
            found: list[ClockEvent] = []
            while True:
                try:
                    message = await consumer.next_msg(timeout=0.5)
                except TimeoutError:
                    return found
                found.append(codec.decode(ClockEvent, message.data))
        finally:
            await connection.close()


async def fill(folder: Path) -> None:
    """An event that is nearly too old, and a suppression that ends soon, in a new store."""
    folder.mkdir(parents=True, mode=0o700)
    store = await open_store(folder)
    now = clock.now()

    def write(ledger: Ledger) -> None:
        row = finding_row("f_old", first_seen=now - OLD, since=now - OLD)
        ledger.history.add([opened(row, now - OLD)])
        ends = (now + 2 * DAY).date()
        accepted = suppression("x_a", created=now - DAY, until=ends, reminded=now)
        suppressions.record(ledger, [accepted], now)

    await store.transact(write)
    await store.close()


@asynccontextmanager
async def site(folder: Path) -> AsyncGenerator[Site]:
    broker = embedded_nats.start(folder / "nats")
    await fill(folder / "coordinator")
    environment = os.environ | {
        "STT_NATS_URL": broker.url,
        "STT_COORDINATOR_STATE_DIR": str(folder / "coordinator"),
        "STT_TEST_CLOCK": str(folder / "clock"),
        "STT_TEST_LEASE_S": str(LEASE_S),
        "STT_WEB_LISTEN": "",
    }
    coordinator = Process(
        command=["-m", "tests.support.processes.jumping_coordinator"],
        program=sys.executable,
        environment=environment,
        log=folder / "coordinator.log",
    )
    bus = await connect(NatsOptions(servers=(broker.url,), name="test"))
    worker = FakeWorker(bus=bus, targets=(("t1", Family.MYSQL),))
    made = Site(bus=bus, folder=folder, coordinator=coordinator, worker=worker)
    made.move_clock(timedelta(0))
    coordinator.start()
    try:
        await until(lambda: answers(made))
        async with at_work(worker):
            yield made
    finally:
        code = coordinator.stop()
        await bus.close()
        broker.stop()
    assert code == 0, coordinator.tail()


async def answers(one: Site) -> bool:
    try:
        await one.status()
    except (UnreachableError, RequestError):  # not there yet
        return False
    return True


@pytest.mark.timeout(300)
async def test_each_jump_that_was_seen_hides_deletes_and_ends_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        first = await enable(one.bus)
        await finished(one.bus, first.run_id)
        epoch = await one.epoch()
        for number, (by, lasts_s) in enumerate(JUMPS):
            one.move_clock(by)
            await until(lambda: is_held(one))
            await one.run_finds(f"while-{number}")
            await asyncio.sleep(lasts_s)
            await still_harmless(one)
            health = await ask(one.bus, Verb.HEALTH, Empty(), HealthReply)
            assert "the clock of the coordinator jumped" in (health.clock or "")
            assert health.offset_s == pytest.approx(by.total_seconds(), abs=5.0)
            one.move_clock(timedelta(0))
            await until(lambda: is_released(one))
            await one.run_finds(f"after-{number}")
            await still_harmless(one)
            assert await one.epoch() == epoch, "the lease depends on the clock of its holder"
        events = await one.clock_events()
        assert [str(event.state) for event in events] == ["held", "released"] * len(JUMPS)
        assert "jumped 1200 d ahead" in events[4].reason
        assert "jumped 1 h back" in events[6].reason
        # The runs that people asked for meanwhile have instants of then, and are named.
        assert (await one.status()).future.get("runs") == len(JUMPS) - 1


async def is_held(one: Site) -> bool:
    reply = await one.status()
    return bool(reply.clock) and any(reply.clock in sentence for sentence in reply.degraded)


async def is_released(one: Site) -> bool:
    return not (await one.status()).clock


async def still_harmless(one: Site) -> None:
    """The history and the suppression are there, and no slot of another time was decided."""
    assert one.rows("SELECT count(*) FROM history WHERE finding = 'f_old'") == [(1,)]
    assert one.rows("SELECT outcome FROM exceptions WHERE id = 'x_a'") == [("live",)]
    latest = clock.to_text(clock.now())
    slots = "SELECT schedule FROM slots WHERE schedule IN ('standard', 'rare', 'frequent')"
    assert one.rows(f"{slots} AND slot > '{latest}'") == []  # an instant
    skipped = "SELECT count(*) FROM runs WHERE state = 'skipped'"
    assert one.rows(skipped) == [(0,)]
