"""The consumers of a site go with its last worker, and come back with the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator import coordinator
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.protocol import subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family, Leftovers
from stt_shared.protocol.queries.fleet import FleetReply, WorkerForgetRequest
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    status,
    until,
)
from tests.support.coordinator.on_nats import connected, coordinating
from tests.support.shared.nats_client import one_connection


async def forget(bus: JetStreamBus, **asked: object) -> FleetReply:
    request = WorkerForgetRequest(by="ann", **asked)  # type: ignore[arg-type]
    return await ask(bus, Verb.WORKER_FORGET, request, FleetReply)


async def consumers(broker: Running) -> set[str]:
    async with one_connection(broker.url) as client:
        found = await client.jetstream().consumers_info(subjects.STREAM_JOBS)
    return {one.name for one in found}


async def targets(bus: JetStreamBus, number: int) -> bool:
    return (await status(bus)).summary.counts.targets == number


async def is_down(bus: JetStreamBus, worker: str) -> bool:
    found = {one.worker: one.state for one in (await status(bus)).workers}
    return found.get(worker) == "down"


async def test_consumers_of_a_site_go_with_its_last_worker_and_with_no_earlier_one(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        stays = FakeWorker(bus=ours, name="w1", site="eu_west")
        first = FakeWorker(bus=theirs, name="w2", site="eu", targets=(("t2", Family.MYSQL),))
        other = FakeWorker(bus=theirs, name="w3", site="eu", targets=(("p3", Family.POSTGRESQL),))
        # Of an earlier coordinator, for a site that no worker is of.
        long_gone = subjects.jobs_consumer("long-gone", Family.MONGODB)
        await ours.ensure(subjects.STREAMS, [long_gone])
        async with coordinating(ours, tmp_path), at_work(stays):
            async with at_work(first), at_work(other):
                await until(lambda: targets(ours, 3))
                await finished(ours, (await enable(ours)).run_id)
            for one in (first, other):
                await one.announce(leaving=True)
                await until(lambda name=one.name: is_down(ours, name))  # type: ignore[misc]  # bound now
            of_eu = {"w_eu_mysql", "w_eu_postgresql"}
            assert await consumers(broker) == {"w_eu_west_mysql", long_gone.name, *of_eu}

            async def left(*names: str) -> bool:
                return await consumers(broker) == {"w_eu_west_mysql", *names}

            await forget(ours, worker="w3")
            await until(lambda: left(*of_eu))  # another worker of the site is known
            assert (await forget(ours, which=Leftovers.ALL)).workers == ("w2",)
            await until(left)


async def test_a_site_that_comes_back_is_served_and_gets_the_job_that_waited_for_it(
    broker: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Consumers are compared again and again: no round may take one from a site that is there.
    monkeypatch.setattr(coordinator, "STREAMS_S", 0.02)
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(bus=theirs, name="w2", site="eu", targets=(("t2", Family.MYSQL),))
        async with coordinating(ours, tmp_path):
            for _ in range(3):
                async with at_work(worker):
                    await until(lambda: targets(ours, 1))
                    reply = await enable(ours)
                    if reply.run_id:
                        await finished(ours, reply.run_id)
                    run = RunRequest(by="test", targets=("t2",))
                    started = await ask(ours, Verb.RUN, run, RunReply)
                    assert (await finished(ours, started.run.run_id)).done == 1
                await worker.announce(leaving=True)
                await until(lambda: is_down(ours, "w2"))
                await forget(ours, worker="w2")
                await until(lambda: has_none(broker))


async def has_none(broker: Running) -> bool:
    return await consumers(broker) == set()


async def test_a_worker_goes_on_by_itself_when_its_consumer_is_deleted_and_made_anew(
    broker: Running, tmp_path: Path
) -> None:
    async with connected(broker) as ours, connected(broker) as theirs:
        worker = FakeWorker(bus=theirs, name="w2", site="eu", targets=(("t2", Family.MYSQL),))
        spec = subjects.jobs_consumer("eu", Family.MYSQL)
        async with coordinating(ours, tmp_path), at_work(worker):
            await until(lambda: targets(ours, 1))
            await finished(ours, (await enable(ours)).run_id)
            await ours.drop(subjects.STREAM_JOBS, lambda name: name == spec.name)
            run = RunRequest(by="test", targets=("t2",))
            reply = await ask(ours, Verb.RUN, run, RunReply)
            await ours.ensure((), [spec])
            assert (await finished(ours, reply.run.run_id)).done == 1
