"""A coordinator that is stopped while it receives rows does not keep its locks."""

from __future__ import annotations

import time

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.postgresql import address, schema
from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.postgresql.store import connector
from tests.support.coordinator.postgresql_stores import database

ROWS = b"SELECT repeat('x', 1000000) FROM generate_series(1, 1000)"  # more than buffers take
WAITS = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"
LIMIT_S = 60


def test_a_session_that_takes_no_rows_is_ended_by_the_server(
    postgresql: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "DEAD_PEER_MS", 2_000)
    where = address_of(database(postgresql), "stt")
    stopped = connector(where, None)()
    schema.enter(stopped, "stt")
    stopped.pgconn.send_query(ROWS)  # and never read
    with psycopg.connect(database(postgresql), autocommit=True) as other:
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
