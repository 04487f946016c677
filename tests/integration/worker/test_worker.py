"""A worker on a real NATS and real databases: every job ends, whatever a server does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check, Query, QueryType
from stt_shared.connection import connected
from stt_shared.identity import digest
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import ControlState
from stt_shared.settings import NatsSettings, WorkerSettings
from stt_worker import service
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.execution.runtime import open_runtime
from stt_worker.outbox.sqlite import open_outbox
from stt_worker.targets.file import TargetList
from stt_worker.targets.model import Inventory, Target
from stt_worker.targets.secrets import Secret
from tests.support.worker.listening import hanging, lying, unused_port
from tests.support.worker.site import Coordinator, coordinator, until

SCRIPT = """
def check_context(docs, context):
    rows = docs[0]
    if rows[0]["answer"] != 42:
        fail("wrong answer")
    return [{"summary": "it answers", "severity": "warning", "object": rows[0]["name"]}]
"""


def check(name: str, text: str, script: str = SCRIPT) -> Check:
    return Check(
        name=name,
        version=2,
        family=Family.POSTGRESQL,
        summary=name,
        description=name,
        script=script,
        queries=(Query(type=QueryType.POSTGRESQL_SELECT, text=text),),
        digest=digest((name + text + script).encode()),
    )


ANSWERS = check("answers", "42 AS answer, current_user::text AS name")


BROKEN = check("broken", "answer FROM no_such_table")


CHECKS = [ANSWERS, BROKEN]


def target(name: str, database: Running) -> Target:
    endpoint = Endpoint(
        family=Family.POSTGRESQL,
        host=database.host,
        port=database.port,
        user=database.user,
        database="postgres",
        tls=Tls(mode="off"),
    )
    return Target(id=name, endpoint=endpoint, secret=Secret("", database.password))


def at(name: str, port: int) -> Target:
    endpoint = Endpoint(
        family=Family.POSTGRESQL, host="127.0.0.1", port=port, user="u", tls=Tls(mode="off")
    )
    return Target(id=name, endpoint=endpoint, secret=Secret("", "p"))


@asynccontextmanager
async def worker(
    url: str, site: str, folder: Path, targets: Sequence[Target]
) -> AsyncIterator[asyncio.Event]:
    """A worker that lives for the block; `stop` may be set before its end."""
    own = WorkerSettings(name=f"w-{site}", site=site, concurrency=4, state_dir=str(folder))
    stop = asyncio.Event()
    life = asyncio.create_task(live(url, own, folder, targets, stop))
    try:
        yield stop
        stop.set()
        await asyncio.wait_for(life, 60)
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def live(
    url: str, own: WorkerSettings, folder: Path, targets: Sequence[Target], stop: asyncio.Event
) -> None:
    checks = Catalogue(checks={one.name: one for one in CHECKS})
    outbox = await open_outbox(folder)
    bus = await connected(NatsSettings(url=url), own.name)
    try:
        async with open_runtime(checks, own.concurrency) as runtime:
            parts = service.WorkerDependencies(
                runtime=runtime, outbox=outbox, bus=bus, hangup=asyncio.Event()
            )
            listed = TargetList(targets=tuple(targets))
            await service.serve(own, Inventory(targets), lambda: listed, parts, stop)
    finally:
        await bus.close()
        await outbox.close()


async def test_a_job_is_run_on_the_database_and_its_result_arrives(
    nats_server: Running, postgresql: Running, tmp_path: Path
) -> None:
    async with coordinator(nats_server.url, "arrives") as here:
        async with worker(nats_server.url, here.site, tmp_path, [target("pg", postgresql)]):
            await here.publish([here.job("pg", CHECKS)])
            await until(lambda: "pg" in here.results)
            await gone(here, "pg")
            await until(lambda: here.announced)
            await here.cover("w-arrives")
            await emptied(here)
        await until(lambda: here.announced[-1].leaving)
        assert [one.target for one in here.announced[0].targets] == ["pg"]
        result = here.results["pg"]
        answers, broken = result.outcomes
        assert result.facts is not None
        assert (result.facts.flavour, result.facts.version[0]) == ("postgresql", 18)
        assert [one.object for one in answers.findings] == [postgresql.user]
        assert (broken.outcome, broken.kind) == (Outcome.ERROR, Kind.QUERY)
        assert "no_such_table" in broken.reason


async def emptied(here: Coordinator) -> None:
    """Ask for announcements until one says that the outbox is empty."""
    async with asyncio.timeout(60):
        while here.announced[-1].outbox:
            await here.bus.send(subjects.NUDGE, b"")
            await asyncio.sleep(0.2)


async def gone(here: Coordinator, name: str) -> None:
    """Wait until the job of a target has left the queue."""
    async with asyncio.timeout(60):
        while await here.outstanding(name):  # noqa: ASYNC110  # the queue tells nobody
            await asyncio.sleep(0.05)


async def test_hanging_refusing_and_lying_servers_delay_nobody_and_are_distinguished(
    nats_server: Running, postgresql: Running, tmp_path: Path
) -> None:
    good = [f"good-{n}" for n in range(10)]
    async with hanging() as silent, lying() as garbage:
        targets = [target(name, postgresql) for name in good]
        targets += [at("silent", silent), at("garbage", garbage), at("refused", unused_port())]
        async with (
            coordinator(nats_server.url, "hostile") as here,
            worker(nats_server.url, here.site, tmp_path, targets),
        ):
            bad = ["silent", "garbage", "refused"]
            await here.publish([here.job(name, [ANSWERS]) for name in (*bad, *good)])
            await until(lambda: set(good) <= set(here.results))
            assert "silent" not in here.results
            await until(lambda: set(bad) <= set(here.results))
            kinds = {name: here.results[name].outcomes[0].kind for name in bad}
            assert kinds["refused"] is Kind.UNREACHABLE
            assert kinds["silent"] in (Kind.UNREACHABLE, Kind.TIMEOUT)
            assert kinds["garbage"] in (Kind.UNREACHABLE, Kind.TIMEOUT)
            assert here.doubles == 0


async def test_the_broker_may_die_while_jobs_run(
    servers_folder: Path, postgresql: Running, tmp_path: Path
) -> None:
    broker = embedded_nats.start(servers_folder / "own-worker-nats")
    names = [f"t{n}" for n in range(40)]
    try:
        async with (
            coordinator(broker.url, "dies") as here,
            worker(broker.url, here.site, tmp_path, [target(n, postgresql) for n in names]),
        ):
            await here.publish([here.job(name, [ANSWERS]) for name in names])
            await until(lambda: here.results)
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.restart)
            await until(lambda: set(here.results) == set(names))
            sequences = sorted(result.sequence for result in here.results.values())
            assert sequences == list(range(1, len(names) + 1))
    finally:
        broker.stop()


async def test_a_worker_that_comes_before_its_consumer_and_its_permission_waits(
    nats_server: Running, postgresql: Running, tmp_path: Path
) -> None:
    targets = [target("pg", postgresql)]
    async with (
        worker(nats_server.url, "early", tmp_path, targets),
        coordinator(nats_server.url, "early") as here,
    ):
        await here.control(ControlState(enabled=False, reason="not yet"))
        await here.publish([here.job("pg", CHECKS)])
        await until(lambda: "pg" in here.results)
        kinds = {one.kind for one in here.results["pg"].outcomes}
        assert kinds == {Kind.DISABLED}
