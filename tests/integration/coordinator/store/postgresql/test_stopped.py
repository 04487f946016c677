"""A coordinator that is stopped while it receives rows or sends does not keep its locks."""

from __future__ import annotations

import asyncio
import os
import struct
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


def send_in_part(stopped: psycopg.Connection) -> None:
    """The first message of a statement, as a client sends it that is stopped before the next."""
    body = b"\0SELECT 1\0" + struct.pack("!h", 0)
    os.write(stopped.fileno(), b"P" + struct.pack("!i", len(body) + 4) + body)


@pytest.mark.parametrize("reads", [False, True], ids=["a writer", "a reader"])
async def test_one_that_sent_a_statement_in_part_is_ended_by_whoever_waits_for_its_lock(
    store_server: Running, monkeypatch: pytest.MonkeyPatch, *, reads: bool
) -> None:
    monkeypatch.setattr(address, "IDLE_IN_TRANSACTION_MS", 500)  # ends nothing here
    monkeypatch.setattr(schema, "DEAD_PEER_MS", 1_000)
    where, name = database(store_server), fresh_schema()
    await (await open_store(where, name)).close()
    connect = connector(address_of(where, name), None)
    stopped = connect()
    if reads:
        stopped.execute("SELECT FROM runs")
    else:
        schema.enter(stopped, name)
    send_in_part(stopped)
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    with connect() as other:
        other.autocommit = True
        begun = time.monotonic()
        while other.execute(gone, (stopped.info.backend_pid,)).fetchone() != (0,):
            assert time.monotonic() - begun < LIMIT_S, "the server keeps the session"
            schema.end_stopped(other, name)
            await asyncio.sleep(0.1)
        assert time.monotonic() - begun > 1.0 - 0.1
    stopped.close()
