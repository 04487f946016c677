"""Faults of coordinators and of the PostgreSQL that they share: `make chaos`.

Fifty kills of three coordinators at random, which SEED from the environment repeats; the tests of
each change have five. A lock that a stranger holds, and a full disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running, own_directory
from stt_coordinator.store.postgresql import schema
from stt_shared.clock import monotonic
from tests.servers.fixtures import PASSWORD, serving
from tests.support.coordinator.postgresql_stores import url
from tests.support.processes.coordinator_kills import killed_at_random
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold
from tests.support.processes.small_disk import fill, small_disk
from tests.support.processes.stores import SharedStore
from tests.support.processes.two_runs import all_is_there, two_runs

SEED = int(os.environ.get("SEED") or secrets.randbelow(1 << 32))
TARGETS = 200
RUNS = 10  # 2,000 jobs
KILLS = 50
APART_S = 8.0  # at most; half of that on average
FEW = 40  # targets, for a fault of the server
DISK = "48m"
LOCKED_S = 20.0  # longer than a transaction waits for a lock
STRANGER = "SELECT pg_advisory_lock(%s, hashtext('stt'))"


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    folder = servers_folder / f"chaos-{tmp_path.name}"
    with serving("PostgreSQL 18", lambda: embedded.start(folder, password=PASSWORD)) as running:
        yield running


async def runs_one_after_the_other(whole: Installation, first: str) -> list[str]:
    runs = [first]
    while len(runs) < RUNS:
        await whole.finished(runs[-1])
        runs.append((await whole.run()).run_id)
    await whole.finished(runs[-1])
    return runs


@pytest.mark.timeout(3_600)
async def test_fifty_kills_of_three_coordinators_lose_and_double_nothing(
    tmp_path: Path, postgresql: Running, server: Running
) -> None:
    print(f"SEED={SEED}")
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    begun = monotonic()
    with installed(
        tmp_path,
        postgresql,
        targets=TARGETS,
        workers=2,
        standbys=2,
        store=SharedStore(servers=(server,)),
    ) as whole:
        whole.start()
        await whole.targets_announced(TARGETS)
        first = (await whole.enable()).run_id
        running = asyncio.create_task(runs_one_after_the_other(whole, first))
        await killed_at_random(whole, dice, kills=KILLS, longest_s=APART_S)
        runs = await running
        await hold(whole, runs, TARGETS)
        print(
            f"SEED={SEED}: {KILLS} kills, {RUNS * TARGETS} jobs,"
            f" {(await whole.status()).coordinator}, {monotonic() - begun:.0f} s"
        )


async def test_a_lock_of_the_store_that_a_stranger_holds_delays_and_loses_nothing(
    tmp_path: Path, postgresql: Running, server: Running
) -> None:
    store = SharedStore(servers=(server,))
    with installed(tmp_path, postgresql, targets=FEW, workers=2, store=store) as whole:
        runs = await two_runs(whole, FEW)
        with store.connect() as stranger:
            stranger.execute(STRANGER, (schema.LOCK,))
            known = whole.stored_results()
            await asyncio.sleep(LOCKED_S)
            assert whole.stored_results() == known
        await all_is_there(whole, runs, FEW)


async def test_a_full_disk_of_the_store_delays_and_loses_nothing(
    tmp_path: Path, servers_folder: Path, postgresql: Running, server: Running
) -> None:
    with small_disk(servers_folder / f"disk-{tmp_path.name}", DISK) as disk:
        own_directory(disk / "tables", server.owner)
        with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}/tables'".encode())
            connection.execute(b"CREATE DATABASE store TEMPLATE template0 TABLESPACE small")
        store = SharedStore(servers=(server,), database="store")
        with installed(tmp_path, postgresql, targets=FEW, workers=2, store=store) as whole:
            runs = await two_runs(whole, FEW)
            filler = fill(disk)
            await full(whole)
            filler.unlink()
            await all_is_there(whole, runs, FEW)
        server.kill()  # before its disk goes


async def full(whole: Installation) -> None:
    """Wait until the coordinator says what is wrong with its store."""
    end = time.monotonic() + 60
    while "make room on the server's disk" not in whole.coordinator.tail():
        assert time.monotonic() < end, whole.tails()
        await asyncio.sleep(0.2)
