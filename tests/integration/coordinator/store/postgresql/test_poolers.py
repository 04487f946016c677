"""A pooler that would drop the settings of the store's sessions is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.errors import ConfigError
from tests.servers import pgbouncer
from tests.servers.fixtures import serving
from tests.support.coordinator.postgresql_stores import fresh_schema, url

SECRET = "pooled-secret"  # of a throw-away role


@pytest.fixture
def login(postgresql: Running) -> str:
    """A role that may make a schema."""
    name = fresh_schema()
    with psycopg.connect(url(postgresql, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'".encode())
        connection.execute(f"GRANT CREATE ON DATABASE postgres TO {name}".encode())
    return name


REASONS = {
    "": "unsupported startup parameter",
    "ignore_startup_parameters = options": "drops the settings of a session",
}


@pytest.fixture(params=REASONS)
def pooler(
    postgresql: Running, servers_folder: Path, login: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Running, str]]:
    """PgBouncer in transaction mode, as it comes and with settings of sessions ignored."""
    folder = servers_folder / f"pgbouncer-{login}"

    def start() -> Running:
        made = pgbouncer.start(folder, postgresql, "transaction", request.param)
        (folder / "users").write_text(f'"{login}" "{SECRET}"\n', encoding="utf-8")
        return made.start()

    with serving("PgBouncer", start) as running:
        yield running, REASONS[request.param]


async def test_pgbouncer_is_refused_whether_or_not_it_ignores_settings(
    pooler: tuple[Running, str], login: str
) -> None:
    running, reason = pooler
    with pytest.raises(ConfigError, match=reason) as refused:
        await open_store(url(running, "postgres", login, SECRET))
    assert SECRET not in refused.value.message
