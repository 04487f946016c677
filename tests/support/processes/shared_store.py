"""Coordinators of one PostgreSQL store, each with a state folder as on a machine of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import HOST, Running
from stt_shared.bus.jetstream import JetStreamBus
from tests.servers.fixtures import PASSWORD
from tests.support.coordinator.coordination import FakeWorker, at_work
from tests.support.coordinator.postgresql_stores import url
from tests.support.processes.coordinators import Coordinators, connected, coordinators, pause
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.process import Process
from tests.support.processes.sockets import connections

SECRET = PASSWORD


def started(servers_folder: Path, folder: Path) -> Running:
    """A PostgreSQL of a test's own, which may be stopped and killed; its data outlive that."""
    return embedded.start(servers_folder / f"store-{folder.name}", password=SECRET)


def add(made: Coordinators, server: Running, name: str, *, port: int = 0, **more: str) -> Process:
    """A coordinator with a state folder of its own, as on a machine of its own."""
    process = made.add(
        name,
        name,
        STT_COORDINATOR_STORE=f"postgresql://{server.user}@{HOST}:{port or server.port}/postgres",
        STT_COORDINATOR_STORE_PASSWORD="env:THE_PASSWORD",
        THE_PASSWORD=SECRET,
    )
    process.environment |= more
    return process


def rows(server: Running, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url(server, "postgres"), options="-c search_path=stt") as connection:
        return connection.execute(query.encode()).fetchall()


async def everything_is_there_once(made: Coordinators, server: Running, worker: FakeWorker) -> None:
    """No result is lost or doubled, every run ends, and no stream has a late message.

    The worker answers what is still dispatched: runs may have been asked for until a moment ago.
    """

    async def are_all_there() -> bool:
        counted = rows(server, "SELECT count(*) FROM results")
        left = rows(server, "SELECT count(*) FROM jobs WHERE state IN ('pending', 'dispatched')")
        return counted == [(len(worker.published),)] and left == [(0,)]

    async with at_work(worker):
        await made.until(are_all_there, "all results in the store and no job without one")
    gaps = "SELECT worker FROM results GROUP BY worker HAVING max(sequence) <> count(*)"
    assert rows(server, gaps) == []
    assert rows(server, "SELECT epoch FROM write_epoch") == [(await made.epoch(),)]
    await only_the_last_epoch_wrote(made.servers, await made.epoch())


async def pause_in_transaction(made: Coordinators, server: Running, process: Process) -> None:
    """Stop the leader while the server waits for its next statement within a transaction.

    A lock has it wait for the answer to a statement before, so that no luck is needed.
    """
    assert process.child is not None
    pid = process.child.pid

    async def waits(states: str) -> bool:
        own = [port for port, peer in connections(pid) if peer == server.port]
        query = f"SELECT count(*) FROM pg_stat_activity WHERE {states} AND client_port IN ({{}})"
        found = rows(server, query.format(", ".join(map(str, own)) or "0"))
        return found != [(0,)]

    with psycopg.connect(url(server, "postgres")) as stranger:
        # The leader dispatches, which updates jobs.
        stranger.execute(b"LOCK TABLE stt.jobs IN SHARE MODE")
        await made.until(lambda: waits("wait_event_type = 'Lock'"), "it to wait in a transaction")
        pause(process)
    await made.until(lambda: waits("state LIKE 'idle in transaction%'"), "its statement to end")


async def two(made: Coordinators, server: Running) -> tuple[Process, Process]:
    """`a` acts and `b` stands by."""
    first, second = add(made, server, "a"), add(made, server, "b")
    first.start()
    await made.holds("a")
    await made.logged(first, "coordinator_started")
    second.start()
    await made.logged(second, "standby_waits")
    return first, second


@asynccontextmanager
async def site(folder: Path, *, ttl_s: float) -> AsyncIterator[tuple[Coordinators, JetStreamBus]]:
    async with coordinators(folder, ttl_s=ttl_s) as made, connected(made.broker) as bus:
        yield made, bus
