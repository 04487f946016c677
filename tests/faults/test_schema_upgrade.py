"""A newer release upgrades the shared store once the older coordinator has ended, never before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.postgresql import schema
from tests.servers.fixtures import serving
from tests.support.processes.coordinators import exit_code, pause, resume
from tests.support.processes.rivals import busy
from tests.support.processes.shared_store import (
    add,
    everything_is_there_once,
    rows,
    site,
    started,
)

TTL_S = 3.0
ADDED = "ALTER TABLE runs RENAME COLUMN state TO state_of_the_next_release;"
BACK = "ALTER TABLE runs RENAME COLUMN state_of_the_next_release TO state;"
VERSION = "SELECT version FROM schema_version"


@pytest.fixture
def server(servers_folder: Path, tmp_path: Path) -> Iterator[Running]:
    with serving("PostgreSQL 18", lambda: started(servers_folder, tmp_path)) as running:
        yield running


async def test_a_newer_release_waits_for_the_older_one_and_upgrades_when_it_may_act(
    tmp_path: Path, server: Running
) -> None:
    script = tmp_path / "next.sql"
    # Both ways: what the release that is tested here does not know may be anything.
    script.write_text(f"{ADDED} {BACK}", encoding="utf-8")
    known = schema.newest()
    async with site(tmp_path, ttl_s=TTL_S) as (made, bus):
        older = add(made, server, "a")
        newer = add(made, server, "b", STT_TEST_MIGRATION=str(script))
        older.start()
        await made.logged(older, "coordinator_started")
        async with busy(bus) as worker:
            newer.start()
            line = await made.logged(newer, "standby_waits")
            assert line["state"].endswith(
                f": the leader a runs an older schema ({known}); stop it, or let it end, to upgrade"
            )
            assert rows(server, VERSION) == [(known,)]
            pause(older)
            await made.holds("b")
            await made.logged(newer, "coordinator_started")
            assert rows(server, VERSION) == [(known + 1,)]
            resume(older)
            assert await exit_code(older) == 2
            assert f"the leader b runs a newer schema ({known + 1})" in older.tail()
        older.start()
        assert await exit_code(older) == 2
        assert f"has version {known + 1}, this program knows up to {known}" in older.tail()
        await everything_is_there_once(made, server, worker)
