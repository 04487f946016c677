"""Whatever happens to the coordinator that acts: one at a time writes, and none writes late."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import nats
import pytest

from stt_coordinator.lease.nats import STREAM
from stt_shared.bus.values import Outgoing
from stt_shared.clock import monotonic
from stt_shared.errors import EXIT_USAGE
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from tests.support.coordinator.coordination import until
from tests.support.processes.coordinators import (
    LIMIT_S,
    connected,
    coordinators,
    exit_code,
    logged,
    pause,
    resume,
)
from tests.support.processes.epochs import only_the_last_epoch_wrote
from tests.support.processes.rivals import TARGETS, busy, two_machines

TTL_S = 6.0
PAUSE_S = float(os.environ.get("STT_TEST_PAUSE_S", "14"))  # `make chaos` pauses for 60


async def test_a_coordinator_with_another_store_is_refused_by_name(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made:
        owner = made.add("a", "a")
        owner.start()
        record = await made.holds("a")
        other = made.add("b", "other")
        other.start()
        assert await exit_code(other) == EXIT_USAGE
        text = other.tail()
        assert "another coordinator owns this installation: a on " in text
        assert f"with store {record.store}, since " in text
        assert "stt coordinator --adopt" in text
        # After a clean stop the installation still is that store's.
        assert owner.stop() == 0
        other.start()
        assert await exit_code(other) == EXIT_USAGE
        assert "stopped now" in other.tail()
        adopting = made.add("c", "other", "--adopt")
        adopting.start()
        assert (await made.holds("c")).store != record.store


async def test_a_copy_that_lacks_results_takes_over_on_purpose_only(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        first = made.add("a", "a")
        first.start()
        await made.holds("a")
        async with busy(bus) as worker:
            await until(lambda: len(worker.published) >= len(TARGETS))
            await made.watermark(worker.name, above=0)
            assert first.stop() == 0
            made.copy_store("a", "b")
            first.start()
            await made.watermark(worker.name, above=worker.sequence)
        assert first.stop() == 0
        second = made.add("b", "b")
        second.start()
        assert await exit_code(second) == EXIT_USAGE
        assert f"is older than this installation: it has the results of worker {worker.name}" in (
            second.tail()
        )
        adopting = made.add("c", "b", "--adopt")
        adopting.start()
        await made.holds("c")
        # Whoever has everything needs no such word, whatever somebody wrote into the bucket.
        assert adopting.stop() == 0
        forged = Watermark(worker=worker.name, epoch=worker.epoch, sequence=1_000_000)
        key = subjects.kv(subjects.BUCKET_WATERMARK, worker.name)
        await bus.publish([Outgoing(subject=key, data=codec.encode(forged))])
        second.start()
        assert await exit_code(second) == EXIT_USAGE
        first.start()
        await made.holds("a", above=await made.epoch())
        assert (await made.logged(first, "watermark_foreign"))["found"] == forged.sequence


async def test_a_second_coordinator_on_the_same_folder_takes_over_when_the_first_is_killed(
    tmp_path: Path,
) -> None:
    async with coordinators(tmp_path, ttl_s=2 * LIMIT_S) as made, connected(made.broker) as bus:
        first, second = made.add("a", "store"), made.add("b", "store")
        first.start()
        epoch = (await made.holds("a")).epoch
        second.start()
        waits = await made.logged(second, "standby_waits")
        assert waits["state"].startswith("standby behind a on ")
        async with busy(bus):
            first.kill()
            begun = monotonic()
            # Within LIMIT_S: without waiting for the lease's end.
            epoch = (await made.holds("b", above=epoch)).epoch
            print(f"same folder, kill -9: taken over after {monotonic() - begun:.1f} s")
            await made.logged(second, "coordinator_started")
        await only_the_last_epoch_wrote(made.servers, epoch)


async def test_a_killed_holder_is_followed_by_the_copy_of_its_store(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        await two_machines(made)
        first, second = made.processes
        async with busy(bus):
            first.kill()
            begun = monotonic()
            epoch = (await made.holds("b")).epoch
            took = monotonic() - begun
            print(f"copy, TTL {TTL_S} s, kill -9: taken over after {took:.1f} s")
            assert took > TTL_S / 2
            await made.logged(second, "coordinator_started")
            first.start()
            await made.logged(first, "standby_waits")
        await only_the_last_epoch_wrote(made.servers, epoch)


@pytest.mark.timeout(400)
async def test_a_paused_holder_writes_nothing_when_it_wakes(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        await two_machines(made)
        first, second = made.processes
        async with busy(bus):
            await asyncio.sleep(1.0)
            pause(first)
            begun = monotonic()
            epoch = (await made.holds("b")).epoch
            print(f"SIGSTOP: taken over after {monotonic() - begun:.1f} s")
            await made.logged(second, "coordinator_started")
            await asyncio.sleep(max(0.0, PAUSE_S - (monotonic() - begun)))
            resume(first)
            begun = monotonic()
            await made.logged(first, "lease_lost")
            print(f"after {PAUSE_S:g} s it woke and stood down in {monotonic() - begun:.1f} s")
            await asyncio.sleep(2.0)
            assert await made.epoch() == epoch
        await only_the_last_epoch_wrote(made.servers, epoch)


async def test_a_holder_without_nats_stops_acting_and_nothing_it_sent_is_stored(
    tmp_path: Path,
) -> None:
    """With a copy of the store; on one folder: `test_lease_of_an_installation`."""
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        await two_machines(made, through_hole=True)
        first, second = made.processes
        async with busy(bus):
            made.hole.opened.clear()
            begun = monotonic()
            epoch = (await made.holds("b")).epoch
            print(f"cut off, copy: taken over after {monotonic() - begun:.1f} s")
            await made.logged(second, "coordinator_started")
            await asyncio.sleep(TTL_S)
            made.hole.opened.set()
            await made.logged(first, "lease_lost")
            await asyncio.sleep(2.0)
        await only_the_last_epoch_wrote(made.servers, epoch)


async def test_a_deleted_record_lets_one_act_in_a_later_epoch(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        await two_machines(made)
        async with busy(bus):
            before = await made.epoch()
            connection = await nats.connect(made.broker.url)
            await connection.jetstream().purge_stream(STREAM)
            await connection.close()

            async def is_later() -> int:
                found = await made.record()
                return found.epoch if found is not None and found.epoch > before else 0

            epoch = await made.until(is_later, "a later epoch")
            await asyncio.sleep(2 * TTL_S)
        await only_the_last_epoch_wrote(made.servers, await made.epoch())
        assert epoch > before


async def test_a_broker_that_restarts_leaves_the_holder_its_lease(tmp_path: Path) -> None:
    async with coordinators(tmp_path, ttl_s=TTL_S) as made, connected(made.broker) as bus:
        await two_machines(made)
        first, second = made.processes
        async with busy(bus):
            epoch = await made.epoch()
            made.broker.kill()
            await asyncio.sleep(0.5)
            made.broker.restart()
            await asyncio.sleep(2 * TTL_S)
            found = await made.record()
            assert found is not None
            assert (found.name, found.epoch) == ("a", epoch)
        await only_the_last_epoch_wrote(made.servers, epoch)
        assert not [one for one in logged(second) if one["event"] == "lease_taken"]
        assert not [one for one in logged(first) if one["event"] == "lease_lost"]
