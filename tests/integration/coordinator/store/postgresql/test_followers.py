"""Programs that only keep the log of a server, and subscribers, do not count as standbys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.protocol.coordinators import StoreHealth
from tests.servers.fixtures import PASSWORD, serving
from tests.support.coordinator.postgresql_stores import url

LIMIT_S = 30
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
RIGHTLESS = "plain"  # a role that may not see what others do
PLUGIN = "(proto_version '1', publication_names 'none')"


@pytest.fixture(scope="module")
def server(servers_folder: Path) -> Iterator[Running]:
    """A PostgreSQL that may be followed in each way."""
    extra = ["-c", "wal_level=logical", "-c", "fsync=on"]

    def start() -> Running:
        return embedded.start(servers_folder / "followed", password=PASSWORD, extra=extra)

    with serving("PostgreSQL 18", start) as running:
        with psycopg.connect(url(running, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {RIGHTLESS} LOGIN PASSWORD 'plain'".encode())
            connection.execute(f"GRANT CREATE ON DATABASE postgres TO {RIGHTLESS}".encode())
        yield running


def follow(server: Running, kind: str) -> psycopg.Connection:
    """A session that receives the log, as pg_receivewal and as a subscriber do."""
    replication = "true" if kind == "physical" else "database"
    connection = psycopg.connect(
        url(server, "postgres"), replication=replication, application_name="pg_receivewal"
    )
    with psycopg.connect(url(server, "postgres")) as other:
        row = other.execute(b"SELECT pg_current_wal_flush_lsn()::text").fetchone()
    # From the end: nobody takes what is sent.
    statement = f"START_REPLICATION PHYSICAL {row[0] if row else ''}"
    if kind == "logical":
        slot = "CREATE_REPLICATION_SLOT subscriber TEMPORARY LOGICAL pgoutput"
        connection.pgconn.exec_(slot.encode())
        statement = f"START_REPLICATION SLOT subscriber LOGICAL 0/0 {PLUGIN}"
    connection.pgconn.send_query(statement.encode())
    return connection


async def health_of(server: Running, user: str, password: str) -> StoreHealth:
    store = await open_store(url(server, "postgres", user, password), f"stt_{user}")
    found = await store.health()
    await store.close()
    return found


@pytest.mark.parametrize("kind", ["physical", "logical"])
@pytest.mark.parametrize("is_plain", [False, True], ids=["superuser", "plain role"])
async def test_what_only_keeps_the_log_or_subscribes_is_no_standby(
    server: Running, kind: str, *, is_plain: bool
) -> None:
    user, password = (RIGHTLESS, "plain") if is_plain else (server.user, server.password)
    with (
        closing(follow(server, kind)),
        psycopg.connect(url(server, "postgres"), autocommit=True) as connection,
    ):
        end = time.monotonic() + LIMIT_S
        while connection.execute(STREAMING).fetchone() != (1,):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        found = await health_of(server, user, password)
    assert (found.standbys, found.synchronous_standbys, found.risk) == (0, 0, "")
