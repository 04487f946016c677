"""Coordinators with one PostgreSQL store: a standby elsewhere takes over, and a server may go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import HOST, Running
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.clock import monotonic
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, Verb
from stt_shared.protocol.queries.health import HealthReply
from tests.servers.fixtures import serving
from tests.servers.listeners import listening
from tests.support.processes.coordinators import BlackHole, exit_code, logged, resume
from tests.support.processes.process import Process
from tests.support.processes.rivals import busy
from tests.support.processes.shared_store import (
    SECRET,
    add,
    everything_is_there_once,
    pause_in_transaction,
    rows,
    site,
    started,
    two,
)

TTL_S = 6.0
# An attempt may wait for a request to NATS that is not answered, 10 s, or for a transaction of the
# holder that was killed; no failed one makes it wait for the lease to end once more.
MOST_S = TTL_S + 30.0


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    """A PostgreSQL of its own, which may be stopped and killed; its data outlive that."""

    with serving("PostgreSQL 18", lambda: started(servers_folder, tmp_path)) as running:
        yield running


async def store_fault(bus: JetStreamBus) -> str:
    """What the coordinator says of its store, as `stt doctor` asks it."""
    request = codec.encode(Empty())
    data = await bus.request(subjects.control(Verb.HEALTH), request, timeout=20)
    parts = codec.decode(HealthReply, data).parts
    return next(one.seen for one in parts if one.name == "store" and not one.is_well)


async def test_a_standby_without_the_disk_of_the_killed_one_takes_over_and_loses_nothing(
    tmp_path: Path, server: Running
) -> None:
    async with site(tmp_path, ttl_s=TTL_S) as (made, bus):
        first, second = await two(made, server)
        async with busy(bus) as worker:
            for killed, next_one, name in ((first, second, "b"), (second, first, "a")):
                await asyncio.sleep(1.0)
                epoch = await made.epoch()
                killed.kill()
                begun = monotonic()
                await made.holds(name, above=epoch)
                took_s = monotonic() - begun
                print(f"kill -9: taken over after {took_s:.1f} s")
                assert took_s < MOST_S
                await made.logged(next_one, "coordinator_started")
                killed.start()
        await everything_is_there_once(made, server, worker)
        assert SECRET not in first.tail() + second.tail()


@pytest.mark.timeout(400)
async def test_a_paused_holder_commits_nothing_when_it_wakes(
    tmp_path: Path, server: Running
) -> None:
    async with site(tmp_path, ttl_s=TTL_S) as (made, bus):
        first, second = await two(made, server)
        async with busy(bus) as worker:
            await pause_in_transaction(made, server, first)
            begun = monotonic()
            await made.holds("b")
            print(f"SIGSTOP in a transaction: taken over after {monotonic() - begun:.1f} s")
            await made.logged(second, "coordinator_started")
            resume(first)
            await made.logged(first, "lease_lost")
        await everything_is_there_once(made, server, worker)


async def test_a_server_that_stops_or_is_killed_and_comes_back_is_waited_for_with_one_line(
    tmp_path: Path, server: Running
) -> None:
    async with site(tmp_path, ttl_s=TTL_S) as (made, bus):
        first, second = await two(made, server)
        async with busy(bus) as worker:
            for end in (server.stop, server.kill):
                await asyncio.sleep(1.0)
                known = len(store_events(first))
                server.temporary = False  # its data are needed again
                end()
                await made.until(partial(is_logged, first, "store_unreachable", known), "an error")
                assert "cannot use the store" in await store_fault(bus)
                await asyncio.sleep(TTL_S + 2)
                server.temporary = True
                server.restart()
                await made.until(partial(is_logged, first, "store_reached", known), "the end of it")
        await everything_is_there_once(made, server, worker)
        # In turn, however many tasks failed meanwhile.
        events = store_events(first)
        assert events == ["store_unreachable", "store_reached"] * (len(events) // 2)
        for process in (first, second):
            assert process.child is not None
            assert process.child.poll() is None


def store_events(process: Process) -> list[str]:
    return [one["event"] for one in logged(process) if one["event"].startswith("store_")]


async def is_logged(process: Process, event: str, after: int) -> bool:
    return event in store_events(process)[after:]


async def test_a_coordinator_that_starts_before_its_server_waits_and_says_so(
    tmp_path: Path, server: Running
) -> None:
    server.kill()
    async with site(tmp_path, ttl_s=TTL_S) as (made, _bus):
        one = add(made, server, "a")
        one.start()
        line = await made.logged(one, "store_unreachable")
        assert line["level"] == "error"
        assert f"postgresql://{HOST}:{server.port}/postgres" in line["reason"]
        await asyncio.sleep(3.0)
        assert len([each for each in logged(one) if each["event"] == "store_unreachable"]) == 1
        server.restart()
        await made.logged(one, "coordinator_started")
        assert one.stop() == 0


async def test_a_wrong_password_ends_it_with_one_clear_error(
    tmp_path: Path, server: Running
) -> None:
    async with site(tmp_path, ttl_s=TTL_S) as (made, _bus):
        one = add(made, server, "a")
        one.environment["THE_PASSWORD"] = "not-the-password"
        one.start()
        assert await exit_code(one) == 2
        assert "password authentication failed for user" in one.tail()
        assert "hint: correct coordinator.store_password" in one.tail()
        assert "not-the-password" not in one.tail()


async def test_a_second_installation_with_a_nats_of_its_own_is_refused(
    tmp_path: Path, server: Running
) -> None:
    async with (
        site(tmp_path / "1", ttl_s=TTL_S) as (ours, _),
        site(tmp_path / "2", ttl_s=TTL_S) as (theirs, _),
    ):
        first, second = add(ours, server, "a"), add(theirs, server, "b")
        first.start()
        await ours.logged(first, "coordinator_started")
        second.start()
        assert await exit_code(second) == 2
        assert "belongs to an installation with another NATS" in second.tail()
        assert "stt coordinator --adopt" in second.tail()
        # Stopped, it keeps its store: the other one must not get it by waiting.
        assert first.stop() == 0
        second.start()
        assert await exit_code(second) == 2
        assert rows(server, "SELECT epoch FROM write_epoch") == [(await ours.epoch(),)]


async def test_a_connection_that_hangs_delays_and_loses_nothing(
    tmp_path: Path, server: Running
) -> None:
    hole = BlackHole(server.port)
    hole.opened.set()
    async with site(tmp_path, ttl_s=TTL_S) as (made, bus), listening(hole.take) as hole.port:
        first = add(made, server, "a", port=hole.port)
        first.start()
        await made.logged(first, "coordinator_started")
        async with busy(bus) as worker:
            await asyncio.sleep(1.0)
            hole.opened.clear()
            assert "no answer" in await store_fault(bus)
            await asyncio.sleep(TTL_S)
            hole.opened.set()
            await asyncio.sleep(1.0)
        await everything_is_there_once(made, server, worker)
