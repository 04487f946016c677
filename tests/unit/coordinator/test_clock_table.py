"""The table of tasks in docs/operating.md: what each does while the clocks disagree.

Each row drives the real task of a coordinator with a broker whose clock is a year ahead, and looks
at what it did. What waits has to do it as soon as the clocks agree: a row that never acts proves
nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.domain.model import JobState
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_coordinator.tasks import dispatcher
from stt_coordinator.tasks.guards.clock_guard import HELD
from stt_coordinator.tasks.replay import request_replay
from stt_coordinator.tasks.wakeups import repeat
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import Standby
from stt_shared.protocol.messages import ControlState, Job, Watermark
from tests.support.coordinator.coordination import (
    NOW,
    QUICK,
    FakeWorker,
    catalogue,
    passed,
    until,
)
from tests.support.coordinator.ledgers import planned
from tests.support.coordinator.store_rows import entry, finding, opened, suppression, target

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
ROW = re.compile(r"^\| ((?:`[a-z]+`(?:, )?)+) \| (waits|continues?) \|", re.MULTILINE)
YEAR = timedelta(days=365)


def documented() -> dict[str, bool]:
    """Whether each task of the table waits."""
    return {
        name: how == "waits"
        for names, how in ROW.findall(PAGE.read_text(encoding="utf-8"))
        for name in re.findall("[a-z]+", names)
    }


class Stage:
    """A coordinator whose tasks the test drives one by one, and what they act on."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.store = MemoryStore()
        self.bus = self.broker.connect()
        self.coordinator = Coordinator(
            CoordinatorDependencies(
                bus=self.bus, store=self.store, checks=catalogue, timing=QUICK, require_nonce=False
            )
        )
        self.tasks = self.coordinator.tasks()

    async def write(self, work: Callable[[Ledger], None]) -> None:
        await self.store.transact(work)

    async def stored(self, stream: str, subject: str) -> bool:
        return await self.bus.last(stream, subject) is not None

    async def drive(self, name: str, acted: Callable[[], Awaitable[bool]]) -> bool:
        """Do one step of a task, or run one that has no steps until it acted; whether it did."""
        task: Any = self.tasks[name]
        if isinstance(task, partial) and task.func is repeat:
            await task.args[0]()
            return await acted()
        running = asyncio.create_task(task())
        try:
            return bool(await until(acted))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@dataclass(frozen=True)
class Act:
    """What a task finds to do, and whether it did it."""

    prepare: Callable[[Stage], Awaitable[None]]
    acted: Callable[[Stage], Awaitable[bool]]


async def nothing(_stage: Stage) -> None:
    """The task has to do it anyway."""


# schedule: checks have been enabled for days, and no slot of them was decided.
async def enabled_for_days(stage: Stage) -> None:
    state = ControlState(enabled=True, since=clock.now() - timedelta(days=3))
    subject = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
    await stage.bus.publish([Outgoing(subject=subject, data=codec.encode(state))])
    await stage.write(lambda ledger: ledger.fleet.put_targets([target("t1", awaits_run=True)]))


async def run_began(stage: Stage) -> bool:
    return await stage.store.read(lambda ledger: ledger.runs.last()) is not None


# reconcile: a job whose deadline has passed, and no worker of its target is up.
async def late_job(stage: Stage) -> None:
    await planned("t1", store=stage.store, now=clock.now() - timedelta(hours=1))


async def job_ended(stage: Stage) -> bool:
    jobs = await stage.store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"]))
    return jobs["standard-1.t1"].state in {JobState.DONE, JobState.UNANSWERED}


# suppressions: an exception whose last day is long over.
async def exception_is_over(stage: Stage) -> None:
    until_day = (clock.now() - timedelta(days=9)).date()
    row = suppression("x_a", until=until_day, created=clock.now() - timedelta(days=20))
    await stage.write(lambda ledger: ledger.suppressions.put([row]))


async def exception_ended(stage: Stage) -> bool:
    return not await stage.store.read(lambda ledger: ledger.suppressions.live())


# absent: a discovered target that nobody has announced for a year.
async def discovered_target_is_over(stage: Stage) -> None:
    row = target("t9", gone=True, discovered=True, absent_since=clock.now() - YEAR)
    await stage.write(lambda ledger: ledger.fleet.put_targets([row]))


async def target_forgotten(stage: Stage) -> bool:
    return not await stage.store.read(lambda ledger: ledger.fleet.targets(["t9"]))


# retention: an entry of the audit log of ten years ago.
async def old_entry(stage: Stage) -> None:
    old = entry(0, at=clock.now() - timedelta(days=3_650))
    await stage.write(lambda ledger: ledger.audit.add([old]))


async def entry_deleted(stage: Stage) -> bool:
    return not await stage.store.read(lambda ledger: ledger.audit.newest(None, 9))


# dispatch: a job that is to be published.
async def pending_job(stage: Stage) -> None:
    await planned("t1", store=stage.store, now=clock.now())


async def job_published(stage: Stage) -> bool:
    return await stage.stored(subjects.STREAM_JOBS, f"{subjects.ROOT}.job.>")


# ingest: a result on the stream that answers a job.
async def result_waits(stage: Stage) -> None:
    await pending_job(stage)
    jobs = await stage.store.read(lambda ledger: ledger.jobs.by_id(["standard-1.t1"]))
    job = codec.decode(Job, dispatcher.message(jobs["standard-1.t1"]).data)
    worker = FakeWorker(bus=stage.bus)
    await worker.publish(worker.message(job, [passed("c1"), passed("c2")]))


# registry: an announcement that was heard. announcements: one that is sent.
async def heard(stage: Stage) -> None:
    worker = FakeWorker(bus=stage.bus, name="w9")
    async with stage.bus.listen(subjects.ANNOUNCEMENTS) as messages:
        await worker.announce()
        stage.coordinator._registry.hear(await anext(messages))


async def worker_known(stage: Stage) -> bool:
    workers = await stage.store.read(lambda ledger: ledger.fleet.workers())
    return "w9" in {one.worker for one in workers}


async def worker_heard(stage: Stage) -> bool:
    await FakeWorker(bus=stage.bus, name="w9").announce()
    await stage.coordinator._registry.record()
    return await worker_known(stage)


# watermarks, events, replay and summary: what the store has is to be published.
async def watermark_moved(stage: Stage) -> None:
    mark = Watermark(worker="w9", epoch="e1", sequence=7)
    await stage.write(lambda ledger: ledger.results.put_watermarks([mark], NOW))


async def watermark_published(stage: Stage) -> bool:
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w9")
    return await stage.stored(subjects.kv_stream(subjects.BUCKET_WATERMARK), subject)


async def event_waits(stage: Stage) -> None:
    event = event_messages.of_finding(opened(finding()))
    await stage.write(lambda ledger: ledger.outbox.add([event]))


async def event_published(stage: Stage) -> bool:
    return await stage.stored(subjects.STREAM_EVENTS, subjects.EVENTS_OF_FINDINGS)


async def replay_asked_for(stage: Stage) -> None:
    await stage.write(lambda ledger: ledger.history.add([opened(finding())]))
    await stage.write(lambda ledger: request_replay(ledger, 0))


async def in_the_outbox(stage: Stage, prefix: str) -> bool:
    rows = await stage.store.read(lambda ledger: ledger.outbox.oldest(99))
    return any(row.message.subject.startswith(f"{subjects.ROOT}.{prefix}") for row in rows)


# streams: the broker lost one. replicas: a server is behind. clock: the comparison itself.
async def stream_lost(stage: Stage) -> None:
    del stage.broker.streams[subjects.STREAM_EVENTS]


async def stream_made(stage: Stage) -> bool:
    return subjects.STREAM_EVENTS in stage.broker.streams


async def server_behind(stage: Stage) -> None:
    stage.broker.behind = {"n2"}
    step: Any = stage.tasks["replicas"]
    await step.args[0]()  # it is named at the second look


async def is_named(stage: Stage, words: str) -> bool:
    return words in " ".join(stage.coordinator.degraded())


async def standby_heard(stage: Stage) -> bool:
    one = Standby(name="second", host="h2", since=NOW)
    await stage.bus.send(subjects.standby("second"), codec.encode(one))
    return bool(stage.coordinator._standbys.present())


ACTS: dict[str, Act] = {
    "schedule": Act(enabled_for_days, run_began),
    "reconcile": Act(late_job, job_ended),
    "suppressions": Act(exception_is_over, exception_ended),
    "absent": Act(discovered_target_is_over, target_forgotten),
    "retention": Act(old_entry, entry_deleted),
    "dispatch": Act(pending_job, job_published),
    "ingest": Act(result_waits, job_ended),
    "registry": Act(heard, worker_known),
    "announcements": Act(nothing, worker_heard),
    "watermarks": Act(watermark_moved, watermark_published),
    "events": Act(event_waits, event_published),
    "summary": Act(nothing, partial(in_the_outbox, prefix="summary.all")),
    "replay": Act(replay_asked_for, partial(in_the_outbox, prefix="event.finding")),
    "streams": Act(stream_lost, stream_made),
    "replicas": Act(server_behind, partial(is_named, words="nats-server n2")),
    "standbys": Act(nothing, standby_heard),
    "clock": Act(nothing, partial(is_named, words=HELD)),
}


def test_the_table_has_each_task_and_each_has_an_act() -> None:
    assert set(documented()) == set(Stage().tasks) == set(ACTS)


@pytest.mark.parametrize("name", ACTS)
async def test_each_task_waits_for_the_clocks_or_goes_on_as_the_page_says(name: str) -> None:
    stage = Stage()
    await stage.bus.ensure(subjects.STREAMS, [])
    act = ACTS[name]
    if name == "schedule":  # read when the coordinator prepares
        await act.prepare(stage)
    assert await stage.coordinator.prepare(asyncio.Event())
    stage.broker.ahead = YEAR
    if name != "schedule":
        await act.prepare(stage)
    acted = partial(act.acted, stage)
    assert not await before(name, acted), "what it has to do is done already"
    waits = documented()[name]
    assert await stage.drive(name, acted) is not waits
    stage.broker.ahead = timedelta(0)
    if waits:
        assert await stage.drive(name, acted), "it does not go on when the clocks agree"


async def before(name: str, acted: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it was done before the task ran; asking that of these two would do it."""
    return name not in {"announcements", "standbys"} and await acted()
