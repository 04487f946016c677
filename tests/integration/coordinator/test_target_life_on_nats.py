"""The life of targets on a real nats-server with a store on the disk: owners, claims and moves."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, TargetsReply, TargetsRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord, TargetEvent
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
from tests.support.coordinator.on_nats import connected, coordinating
from tests.support.processes.commands import STT


async def test_a_claim_while_the_owner_restarts_gets_no_job_and_is_reported_until_it_is_withdrawn(
    broker: Running, tmp_path: Path
) -> None:
    events: list[TargetEvent] = []
    async with connected(broker) as ours, connected(broker) as theirs:
        owner = FakeWorker(bus=ours, site="eu")
        thief = FakeWorker(bus=theirs, name="w9", site="us")
        async with (
            theirs.listen(f"{subjects.ROOT}.event.target.>") as heard,
            coordinating(ours, tmp_path),
        ):

            async def hear() -> None:
                async for one in heard:
                    events.append(codec.decode(TargetEvent, one.data))  # noqa: PERF401  # it grows

            hearing = asyncio.create_task(hear())
            async with at_work(owner):
                await until(lambda: served_at(ours, "eu"))
                first = await enable(ours)
                await finished(ours, first.run_id)
            await owner.announce(leaving=True)
            async with at_work(thief):
                await until(
                    lambda: is_reported(ours, "worker w9 of site us announces mysql target t1")
                )
                request = RunRequest(by="test", targets=("t1",))
                run = await ask(ours, Verb.RUN, request, RunReply)
                async with at_work(owner):
                    done = await finished(ours, run.run.run_id)
                    assert (done.jobs, done.done) == (1, 1)
                    assert await served_at(ours, "eu")
                owner.targets = ()
                await owner.announce()
                await until(lambda: served_at(ours, "us"))
                moved = await ask(ours, Verb.RUN, request, RunReply)
                await finished(ours, moved.run.run_id)
            await until(lambda: len(events) >= 3)
            hearing.cancel()
    assert [str(one.phase) for one in events] == ["claimed", "gone", "moved"]
    assert [job.site for job in owner.jobs] == ["eu", "eu"]
    assert [job.site for job in thief.jobs] == ["us"]


async def test_a_target_moves_by_an_operator_s_word_or_a_long_silence(
    broker: Running, tmp_path: Path
) -> None:
    quick = replace(
        QUICK, worker_down=timedelta(seconds=1), release_after=timedelta(seconds=2), announced_s=0.2
    )
    async with connected(broker) as ours, connected(broker) as theirs:
        owner = FakeWorker(bus=ours, site="eu")
        other = FakeWorker(bus=theirs, name="w9", site="us")
        store = await open_store(tmp_path)
        try:
            async with running(ours, store, quick):
                async with at_work(owner):
                    await until(lambda: served_at(ours, "eu"))
                    await finished(ours, (await enable(ours)).run_id)
                    code, out = await stt(broker, *MOVE)
                    assert code != 0, "no live worker of that site announces it"
                    async with at_work(other):
                        await until(lambda: is_reported(ours, "worker w9 of site us announces"))
                        assert await served_at(ours, "eu"), "its owner is up"
                        code, out = await stt(broker, *MOVE)
                        assert (code, "us" in out) == (0, True)
                        assert await served_at(ours, "us")
                        run = await requested(ours)
                        assert (run.done, run.unanswered) == (1, 0)
                    # w9 is silent from here on, which is what the claim of w1 waits for.
                    await until(lambda: served_at(ours, "eu"))
                    run = await requested(ours)
                    assert (run.done, run.unanswered) == (1, 0)
                stored = await ours.last(subjects.STREAM_EVENTS, MOVED)
                assert stored is not None
                event = codec.decode(TargetEvent, stored.data)
                assert (event.site, event.other_site) == ("eu", "us")
                assert "silent for too long" in event.reason
        finally:
            await store.close()
    assert [job.site for job in other.jobs] == ["us"]


MOVE = ("targets", "move", "t1", "--to", "us", "--reason", "CHG-7")
MOVED = f"{subjects.ROOT}.event.target.moved.mysql.eu.t1"


async def requested(bus: JetStreamBus) -> RunRecord:
    """A run of t1 that was asked for now, as it ended."""
    request = RunRequest(by="test", targets=("t1",))
    return await finished(bus, (await ask(bus, Verb.RUN, request, RunReply)).run.run_id)


async def served_at(bus: JetStreamBus, site: str) -> bool:
    reply = await ask(bus, Verb.TARGETS, TargetsRequest(), TargetsReply)
    return [one.site for one in reply.targets] == [site]


async def is_reported(bus: JetStreamBus, sentence: str) -> bool:
    return sentence in " ".join((await status(bus)).degraded)


async def test_a_gate_ends_3_until_a_new_target_had_its_run_and_when_a_line_was_deleted(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours:
        worker = FakeWorker(bus=ours, site="eu", targets=(("t1", Family.MYSQL),))
        async with coordinating(ours, tmp_path), at_work(worker):
            await until(lambda: served_at(ours, "eu"))
            first = await enable(ours)
            await finished(ours, first.run_id)
            await until(lambda: not_checked(ours, 0))
            assert await gate(broker) == 0
            worker.targets = (*worker.targets, ("p1", Family.POSTGRESQL))
            await until(lambda: not_checked(ours, 1))
            assert await gate(broker) == 3
            working = asyncio.create_task(worker.working(Family.POSTGRESQL))
            # The run of new targets comes by itself.
            await until(lambda: not_checked(ours, 0))
            working.cancel()
            assert await gate(broker) == 0
            reply = await ask(ours, Verb.RUNS, RunsRequest(), RunsReply)
            assert [(one.schedule, one.jobs) for one in reply.runs] == [("first", 1), ("enable", 1)]
            worker.targets = worker.targets[1:]
            await until(lambda: not_checked(ours, 2))
            assert await gate(broker) == 3
            counts = (await status(ours)).summary.counts
            assert (counts.gone, counts.targets, counts.critical) == (1, 1, 0)
            code, out = await stt(broker, "targets", "forget", "t1", "--reason", "switched off")
            assert (code, out) == (0, "Forgotten: t1\n")
            await until(lambda: not_checked(ours, 0))
            assert await gate(broker) == 0
            assert await forgotten(ours) == ("t1", "switched off")


async def test_a_discovered_target_that_is_gone_leaves_after_its_grace_time_with_an_event(
    broker: Running, tmp_path: Path
) -> None:
    quick = replace(QUICK, forget_discovered=timedelta(seconds=3))
    async with connected(broker) as ours, connected(broker) as theirs:
        finder = FakeWorker(bus=ours, site="eu", discovered=True)
        typed = FakeWorker(bus=theirs, name="w2", site="us", targets=(("p1", Family.MYSQL),))
        store = await open_store(tmp_path)
        try:
            async with running(ours, store, quick), at_work(finder), at_work(typed):
                await finished(ours, (await enable(ours)).run_id)
                await until(lambda: not_checked(ours, 0))
                finder.targets = typed.targets = ()
                await until(lambda: counted(ours, gone=2))
                assert await gate(broker) == 3
                reason = "it was discovered, and no worker has announced it for 3 s"
                assert await forgotten(ours) == ("t1", reason)
                # What somebody typed waits for somebody's word.
                await until(lambda: counted(ours, gone=1))
                reply = await ask(ours, Verb.TARGETS, TargetsRequest(), TargetsReply)
                assert [(one.target, one.discovered) for one in reply.targets] == [("p1", False)]
                await until(lambda: ended(ours, "eu"))
                # Announced again it is a new one, which waits for its first run.
                finder.targets = (("t1", Family.MYSQL),)
                await until(lambda: counted(ours, gone=1, targets=1))
        finally:
            await store.close()


async def counted(bus: JetStreamBus, *, gone: int, targets: int = 0) -> bool:
    counts = (await status(bus)).summary.counts
    return (counts.gone, counts.targets) == (gone, targets)


async def ended(bus: JetStreamBus, site: str) -> bool:
    """Whether the last summary of the site says that nothing is left there."""
    stored = await bus.last(subjects.STREAM_SUMMARY, f"{subjects.ROOT}.summary.site.{site}")
    return stored is not None and b'"ended"' in stored.data


async def not_checked(bus: JetStreamBus, number: int) -> bool:
    return (await status(bus)).summary.counts.not_checked == number


async def forgotten(bus: JetStreamBus) -> tuple[str, str]:
    """Target and reason of the event that it was forgotten, which stays in the stream."""
    subject = f"{subjects.ROOT}.event.target.forgotten.mysql.eu.t1"
    await until(lambda: bus.last(subjects.STREAM_EVENTS, subject))
    stored = await bus.last(subjects.STREAM_EVENTS, subject)
    assert stored is not None
    event = codec.decode(TargetEvent, stored.data)
    return event.target, event.reason


async def gate(broker: Running) -> int:
    """The exit code of `stt gate`."""
    return (await stt(broker, "gate"))[0]


async def stt(broker: Running, *words: str) -> tuple[int, str]:
    """Exit code and output of a command, a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    process = await asyncio.create_subprocess_exec(
        STT, *words, env=environ | {"STT_NATS_URL": broker.url}, stdout=PIPE, stderr=PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()
