"""A coordinator that is stopped while it receives rows does not keep its locks."""

from __future__ import annotations

import time
from urllib.parse import quote

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import StoreBusyError
from stt_coordinator.store.postgresql import address, schema
from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.postgresql.connecting import connector
from stt_coordinator.store.postgresql.store import open_store
from tests.support.coordinator.postgresql_stores import DATABASE, database, fresh_schema

ROWS = b"SELECT repeat('x', 1000000) FROM generate_series(1, 1000)"  # more than buffers take
WAITS = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"
LIMIT_S = 60


def test_a_session_that_takes_no_rows_is_ended_by_the_server(
    store_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "DEAD_PEER_MS", 2_000)
    where = address_of(database(store_server), "stt")
    stopped = connector(where, None)()
    schema.enter(stopped, "stt")
    stopped.pgconn.send_query(ROWS)  # and never read
    with psycopg.connect(database(store_server), autocommit=True) as other:
        seen: set[str | None] = set()
        end = time.monotonic() + LIMIT_S
        while (row := other.execute(WAITS, (stopped.info.backend_pid,)).fetchone()) is not None:
            seen.add(row[0])
            assert time.monotonic() < end, "the server keeps the session"
            time.sleep(0.2)
        assert "ClientWrite" in seen
        with other.transaction():
            schema.await_others(other, "stt")
    stopped.close()


async def test_on_a_unix_socket_it_is_ended_by_whoever_waits_for_its_lock(
    store_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "DEAD_PEER_MS", 1_000)
    monkeypatch.setattr(schema, "BEGIN_MS", 200)
    name, secret = fresh_schema(), quote(store_server.password, safe="")
    place = f"{quote(store_server.socket, safe='')}:{store_server.port}"
    where = f"postgresql://{store_server.user}:{secret}@{place}/{DATABASE}"
    database(store_server)
    store = await open_store(where, name)
    stopped = connector(address.address_of(where, name), None)()
    schema.enter(stopped, name)
    stopped.pgconn.send_query(ROWS)  # and never read
    end = time.monotonic() + LIMIT_S
    attempts = 0
    while True:
        try:
            await store.begin(1)
        except StoreBusyError:
            attempts += 1
            assert time.monotonic() < end, "the server keeps the session"
        else:
            break
    assert attempts
    stopped.close()
    await store.close()
