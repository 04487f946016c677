"""Faults of the PostgreSQL that carries the store: every result is recorded once nevertheless."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from tests.servers.fixtures import PASSWORD, serving
from tests.support.processes.coordinator_kills import killed_at_random
from tests.support.processes.installation import installed
from tests.support.processes.replicated import promote, replicated
from tests.support.processes.stores import SharedStore
from tests.support.processes.two_runs import all_is_there, recorded, two_runs

TARGETS = 20
SEED = 20261130


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    """A PostgreSQL of its own for the store."""
    folder = servers_folder / f"faulty-{tmp_path.name}"
    with serving("PostgreSQL 18", lambda: embedded.start(folder, password=PASSWORD)) as running:
        yield running


async def test_nothing_confirmed_is_lost_when_a_synchronous_standby_takes_over(
    tmp_path: Path, servers_folder: Path, postgresql: Running
) -> None:
    with replicated(servers_folder / f"pair-{tmp_path.name}") as (primary, standby):
        store = SharedStore(servers=(primary, standby))
        with installed(
            tmp_path, postgresql, targets=TARGETS, workers=2, standbys=1, store=store
        ) as whole:
            runs = await two_runs(whole, TARGETS)
            assert [one for one in (await whole.status()).degraded if "can lose" in one] == []
            confirmed = set(whole.rows("SELECT worker, epoch, sequence FROM results"))
            begun = time.monotonic()
            primary.kill()
            promote(standby)
            assert confirmed <= set(whole.rows("SELECT worker, epoch, sequence FROM results"))
            known = whole.stored_results()
            await recorded(whole, known)
            print(f"failover: results again after {time.monotonic() - begun:.1f} s")
            await all_is_there(whole, runs, TARGETS)


async def test_coordinators_that_are_killed_at_random_lose_and_double_nothing(
    tmp_path: Path, postgresql: Running, server: Running
) -> None:
    print(f"SEED={SEED}")
    dice = random.Random(SEED)  # noqa: S311  # repeatable faults, no secret
    store = SharedStore(servers=(server,))
    with installed(
        tmp_path, postgresql, targets=TARGETS, workers=2, standbys=2, store=store
    ) as whole:
        runs = await two_runs(whole, TARGETS)
        await killed_at_random(whole, dice, kills=5)
        await all_is_there(whole, runs, TARGETS)
