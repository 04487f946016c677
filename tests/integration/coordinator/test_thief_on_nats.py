"""What the holder of one worker's credential can do to the others, on a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import Store
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Job, Watermark
from stt_shared.protocol.queries.health import HealthReply
from tests.support.coordinator.coordination import (
    QUICK,
    SITE,
    FakeWorker,
    ask,
    at_work,
    enable,
    failed,
    finished,
    passed,
    running,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected

MIB = 1 << 20
GENUINE = (("t1", Family.MYSQL), ("t2", Family.MYSQL))
QUICK_AGAIN = replace(QUICK, result_timeout=timedelta(seconds=1), announced_s=0.3)


@asynccontextmanager
async def coordinated(
    bus: JetStreamBus, folder: Path, unused_mib_per_hour: int = 64
) -> AsyncGenerator[Store]:
    store = await open_store(folder)
    try:
        async with running(bus, store, QUICK_AGAIN, unused_mib_per_hour=unused_mib_per_hour):
            yield store
    finally:
        await store.close()


async def announced(bus: JetStreamBus, targets: int) -> None:
    async def known() -> bool:
        return (await status(bus)).summary.counts.targets == targets

    await until(known)


async def refused(bus: JetStreamBus, code: str) -> bool:
    return any(code in one for one in (await status(bus)).degraded)


async def requested(bus: JetStreamBus, *targets: str) -> str:
    reply = await ask(bus, Verb.RUN, RunRequest(by="test", targets=targets), RunReply)
    return reply.run.run_id


def unlike_before(message: Outgoing) -> Outgoing:
    """The message without its id: the genuine worker's are known to the broker as duplicates."""
    return replace(message, message_id="")


async def test_results_of_a_worker_without_the_job_clear_no_finding(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(
            bus=theirs, targets=GENUINE, answer=lambda job: [failed(r.check) for r in job.checks]
        )
        thief = FakeWorker(bus=theirs, name="w9", epoch="e9", targets=(("mine", Family.MYSQL),))
        async with coordinated(ours, tmp_path), at_work(worker):
            await thief.announce()
            await announced(ours, 3)
            await enable(ours)

            async def open_findings() -> bool:
                return (await status(ours)).summary.counts.critical == 4

            await until(open_findings)
            job = next(one for one in worker.jobs if one.target == "t1")
            cleared = [passed(ref.check) for ref in job.checks]
            # It knows the run and the target, overheard a nonce, or has none at all.
            for nonce, code in (("", "no_nonce"), ("guessed", "wrong_nonce")):
                forged = msgspec.structs.replace(job, nonce=nonce)
                await thief.publish(unlike_before(thief.message(forged, cleared)))
                await until(partial(refused, ours, code))
            await thief.publish(unlike_before(thief.message(job, cleared)))
            await until(lambda: refused(ours, "not_announced"))
            assert (await status(ours)).summary.counts.critical == 4


async def test_jobs_that_a_thief_acknowledged_are_given_out_again(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(bus=theirs, targets=GENUINE)
        async with coordinated(ours, tmp_path) as store:
            await worker.announce()
            await announced(ours, 2)
            run_id = (await enable(ours)).run_id
            spec = subjects.jobs_consumer(SITE, Family.MYSQL)
            stolen: list[Job] = []
            async with theirs.consume(spec.stream, spec.name, capacity=8) as inbox:
                while len(stolen) < len(GENUINE):
                    taken = await inbox.take(8, wait=1)
                    stolen += [codec.decode(Job, one.data) for one in taken]
                    await inbox.ack(taken)
            async with at_work(worker):
                run = await finished(ours, run_id)
            assert (run.done, run.unanswered) == (2, 0)
            jobs = await store.read(lambda ledger: ledger.jobs.of_run(run_id, "", 9))
            assert {job.state for job in jobs} == {JobState.DONE}
    assert all(job.dispatch == 2 for job in worker.jobs)
    assert not {job.nonce for job in worker.jobs} & {job.nonce for job in stolen}


async def test_two_workers_of_one_name_are_named_and_both_are_served_to_the_end(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs, connected(broker) as others:
        first = FakeWorker(bus=theirs, epoch="first000", targets=(("t1", Family.MYSQL),))
        second = FakeWorker(
            bus=others, epoch="second00", site="us", targets=(("t2", Family.MYSQL),)
        )
        async with coordinated(ours, tmp_path), at_work(first), at_work(second):
            await announced(ours, 2)
            run = await finished(ours, (await enable(ours)).run_id)
            assert (run.done, run.unanswered) == (2, 0)
            reply = await status(ours)
            doubles = {one.worker: one.double_of for one in reply.workers}
            health = await ask(ours, Verb.HEALTH, Empty(), HealthReply)

            async def both_are_covered() -> bool:
                subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
                stored = await theirs.last(subjects.kv_stream(subjects.BUCKET_WATERMARK), subject)
                mark = codec.decode(Watermark, stored.data) if stored else None
                return mark is not None and (mark.of("first000"), mark.of("second00")) == (1, 1)

            await until(both_are_covered)
    (name,) = doubles.keys() - {"w1"}
    assert name in {"w1~first000", "w1~second00"}
    assert doubles == {"w1": "", name: "w1"}
    # In the status, on the page, which shows the same list, and to the doctor.
    for sentences in (reply.degraded, health.troubles):
        assert any(one.startswith("worker w1 runs twice") for one in sentences)


async def test_flood_of_one_worker_leaves_room_on_the_stream_for_every_other_site(
    broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(
        replace(one, max_bytes=64 * MIB) if one.name == subjects.STREAM_RESULTS else one
        for one in subjects.STREAMS
    )
    monkeypatch.setattr(subjects, "STREAMS", small)
    async with connected(broker) as ours, connected(broker) as theirs, connected(broker) as his:
        worker = FakeWorker(
            bus=theirs, name="w2", epoch="e2", site="us", targets=(("other", Family.MYSQL),)
        )
        sent, over = 0, asyncio.Event()

        async def flood() -> None:
            nonlocal sent
            while not over.is_set():
                batch = [
                    Outgoing(
                        subject=subjects.result(Family.MYSQL, SITE, f"x{sent + n}", "w1"),
                        data=b"x" * (900 * 1024),
                    )
                    for n in range(8)
                ]
                receipts = await his.publish(batch)
                sent += sum(one.publication is Publication.STORED for one in receipts)
                await asyncio.sleep(0.005)

        async with coordinated(ours, tmp_path, unused_mib_per_hour=8), at_work(worker):
            await announced(ours, 1)
            await finished(ours, (await enable(ours)).run_id)
            flooding = asyncio.create_task(flood())
            try:
                await until(lambda: refused(ours, "unused_results_mib_per_hour is 8"))
                for _ in range(3):
                    run = await finished(ours, await requested(ours, "other"))
                    assert (run.done, run.unanswered) == (1, 0)
                # More went through the stream than it has room for.
                await until(lambda: sent * 900 * 1024 > 3 * 64 * MIB)
            finally:
                over.set()
                await flooding
