"""A coordinator on a real nats-server with a store on the disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Watermark
from stt_shared.protocol.records import FindingEvent
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finished,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected, coordinating

TARGETS = tuple((f"t{number:03}", Family.MYSQL) for number in range(50))


async def test_run_is_finished_with_a_restart_in_between_and_nothing_is_lost_or_doubled(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(
            bus=theirs, targets=TARGETS, answer=lambda job: [failed(r.check) for r in job.checks]
        )
        events: list[FindingEvent] = []
        async with theirs.listen(subjects.EVENTS_OF_FINDINGS) as heard:

            async def hear() -> None:
                async for one in heard:
                    events.append(codec.decode(FindingEvent, one.data))  # noqa: PERF401  # it grows

            hearing = asyncio.create_task(hear())
            async with coordinating(ours, tmp_path):
                await worker.announce()
                await until(lambda: announced(ours))
                first = await enable(ours)
            async with at_work(worker), coordinating(ours, tmp_path):
                run = await finished(ours, first.run_id)
                assert (run.jobs, run.done, run.unanswered) == (50, 50, 0)
                counts = (await status(ours)).summary.counts
                assert (counts.critical, counts.targets_checked) == (100, 50)
                await until(lambda: watermark_is(theirs, 50))
                await until(lambda: len(events) >= 100)
            hearing.cancel()
    assert len({job.job_id for job in worker.jobs}) == len(worker.jobs) == 50
    assert len({event.after.id for event in events}) == len(events) == 100


async def announced(bus: JetStreamBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


async def watermark_is(bus: JetStreamBus, sequence: int) -> bool:
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    stored = await bus.last(f"KV_{subjects.BUCKET_WATERMARK}", subject)
    return stored is not None and codec.decode(Watermark, stored.data).sequence == sequence


async def test_rubbish_among_the_results_is_refused_by_name_and_stops_nothing(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(bus=theirs, targets=TARGETS)
        async with coordinating(ours, tmp_path), at_work(worker):
            subject = subjects.result(Family.MYSQL, "eu-west", "t001", "w1")
            await theirs.publish([Outgoing(subject=subject, data=b"\xff not JSON")])
            await theirs.publish([Outgoing(subject=subject, data=b'{"schema": "stt.result/v9"}')])
            await until(lambda: announced(ours))
            first = await enable(ours)
            await finished(ours, first.run_id)
            request = RunRequest(by="test", targets=("t001",))
            second = await ask(ours, Verb.RUN, request, RunReply)
            run = await finished(ours, second.run.run_id)
            assert (run.jobs, run.done) == (1, 1)
            refused = " ".join((await status(ours)).degraded)
    assert "1 malformed" in refused
    assert "1 newer_major" in refused
