"""Opening a store: bounded with a silent server, and as long as an upgrade needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import StoreError
from stt_coordinator.store.postgresql import address, schema, sessions
from stt_coordinator.store.postgresql import store as stores
from stt_coordinator.store.postgresql.address import Address
from stt_coordinator.store.postgresql.store import open_store
from tests.servers.listeners import listening
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.processes.coordinators import BlackHole


@pytest.fixture
def name() -> str:
    return fresh_schema()


@pytest.fixture
async def silent(
    store_server: Running, name: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[str]:
    """The URL of a server that is silent as soon as it has accepted the log-in."""
    await (await open_store(database(store_server), name)).close()
    hole = BlackHole(store_server.port)
    hole.opened.set()
    upgrade = schema.upgrade

    def upgrade_in_silence(
        connection: psycopg.Connection, address: Address, *, makes: bool = True
    ) -> str:
        hole.opened.clear()
        return upgrade(connection, address, makes=makes)

    monkeypatch.setattr(schema, "upgrade", upgrade_in_silence)
    monkeypatch.setattr(sessions, "WATCH_S", 0.1)
    monkeypatch.setattr(sessions, "CLOSE_S", 0.2)
    async with listening(hole.take) as hole.port:
        yield database(store_server).replace(f":{store_server.port}/", f":{hole.port}/")
        hole.opened.set()


async def test_a_server_that_is_silent_after_the_login_is_an_error_in_bounded_time(
    silent: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "OPEN_S", 0.5)
    async with asyncio.timeout(60):
        with pytest.raises(StoreError, match="cannot use the store"):
            await open_store(silent, name)


async def test_a_stop_ends_an_opening_that_hangs(silent: str, name: str) -> None:
    opening = asyncio.create_task(open_store(silent, name))
    await asyncio.sleep(0.5)
    opening.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert time.monotonic() - began < stores.OPEN_S / 2


async def test_a_migration_may_take_longer_than_any_other_statement(
    store_server: Running, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = database(store_server)
    await (await open_store(where, name)).close()
    slow = tmp_path / "slow.sql"
    slow.write_text("SELECT pg_sleep(2)", encoding="utf-8")
    newer = {**schema.migrations(), schema.newest() + 1: slow}
    monkeypatch.setattr(schema, "migrations", lambda: newer)
    monkeypatch.setattr(sessions, "WATCH_S", 0.1)
    monkeypatch.setattr(stores, "OPEN_S", 1.0)
    monkeypatch.setattr(address, "STATEMENT_MS", 1_000)
    store = await open_store(where, name)
    found = await store.health()
    assert found.version == max(newer)
    await store.close()
