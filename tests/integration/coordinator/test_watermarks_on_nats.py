"""Watermarks on a real nats-server: forged ones, and a store that is an older copy."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from stt_coordinator import coordinator
from stt_coordinator.local.servers.process import Running
from stt_coordinator.tasks.watermarks import STREAM
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.messages import Watermark
from stt_worker.outbox import sender as sending
from tests.support.coordinator.coordination import (
    SITE,
    ask,
    at_work,
    enable,
    finished,
    status,
    until,
)
from tests.support.coordinator.keeping import TARGETS, empty, keeping
from tests.support.coordinator.on_nats import connected, coordinating

KEY = subjects.kv(subjects.BUCKET_WATERMARK, "w1")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WATERMARK_EVERY_S", 0.1)
    monkeypatch.setattr(coordinator, "STREAMS_S", 0.5)


async def announced(bus: JetStreamBus) -> None:
    async def known() -> bool:
        return (await status(bus)).summary.counts.targets == len(TARGETS)

    await until(known)


async def run_again(bus: JetStreamBus) -> None:
    reply = await ask(bus, Verb.RUN, RunRequest(by="test", targets=("t1", "t2")), RunReply)
    run = await finished(bus, reply.run.run_id)
    assert (run.done, run.unanswered) == (2, 0)


async def forge(bus: JetStreamBus, epoch: str, sequence: int) -> None:
    data = codec.encode(Watermark(worker="w1", epoch=epoch, sequence=sequence))
    (receipt,) = await bus.publish([Outgoing(subject=KEY, data=data)])
    assert receipt.publication is Publication.STORED


async def named(bus: JetStreamBus, found: int, stored: int) -> None:
    sentence = f"worker w1 on NATS was {found}, the store has {stored}"

    async def shown() -> bool:
        return any(sentence in one for one in (await status(bus)).degraded)

    await until(shown)


async def test_forged_watermark_is_named_and_corrected_and_the_outbox_goes_on(
    broker: Running, tmp_path: Path
) -> None:
    async with (
        connected(broker) as ours,
        connected(broker) as theirs,
        coordinating(ours, tmp_path / "store"),
        keeping(theirs, tmp_path / "outbox") as worker,
        at_work(worker),
    ):
        await announced(ours)
        await finished(ours, (await enable(ours)).run_id)
        await empty(worker)
        await forge(theirs, worker.epoch, 1_000_000)
        await named(ours, 1_000_000, 2)

        async def is_corrected() -> bool:
            stored = await ours.last(STREAM, KEY)
            return stored is not None and codec.decode(Watermark, stored.data).sequence == 2

        await until(is_corrected)
        await run_again(ours)
        await empty(worker)


async def test_forged_watermark_while_no_coordinator_runs_loses_no_result(
    broker: Running, tmp_path: Path
) -> None:
    async with (
        connected(broker) as ours,
        connected(broker) as theirs,
        keeping(theirs, tmp_path / "outbox") as worker,
    ):
        async with coordinating(ours, tmp_path / "store"):
            await worker.announce()
            await announced(ours)
            run_id = (await enable(ours)).run_id
            await until(lambda: jobs_wait(theirs))
        await forge(theirs, worker.epoch, 1_000_000)
        async with at_work(worker):
            # Not their number: a job that is not acknowledged in time is delivered once more.
            names = {target for target, _ in TARGETS}
            await until(lambda: {job.target for job in worker.jobs} == names)
            # Dropped, since the stream has them: from there the coordinator gets them.
            await empty(worker)
            async with coordinating(ours, tmp_path / "store"):
                run = await finished(ours, run_id)
                assert (run.done, run.unanswered) == (2, 0)
                await run_again(ours)
                await empty(worker)


async def jobs_wait(bus: JetStreamBus) -> bool:
    found = [await bus.last("STT_JOBS", subjects.job(f, SITE, t)) for t, f in TARGETS]
    return all(found)


async def results_wait(bus: JetStreamBus) -> bool:
    found = [await bus.last("STT_RESULTS", subjects.result(f, SITE, t, "w1")) for t, f in TARGETS]
    return all(found)


async def test_after_an_old_backup_the_outbox_empties_with_the_next_result(
    broker: Running, tmp_path: Path
) -> None:
    async with (
        connected(broker) as ours,
        connected(broker) as theirs,
        keeping(theirs, tmp_path / "outbox") as worker,
        at_work(worker),
    ):
        async with coordinating(ours, tmp_path / "store"):
            await announced(ours)
            await finished(ours, (await enable(ours)).run_id)
            await empty(worker)
        shutil.copytree(tmp_path / "store", tmp_path / "backup")
        async with coordinating(ours, tmp_path / "store"):
            await run_again(ours)
            await run_again(ours)
            await empty(worker)
        # Runs are named by the second: those of the copy must not have the names of lost ones.
        await asyncio.sleep(2.5)
        # 1 and 2 are in the backup; the worker has dropped 3 to 6 as well.
        async with coordinating(ours, tmp_path / "backup"):
            await announced(ours)
            await named(ours, 6, 2)
            await run_again(ours)
            await empty(worker)
