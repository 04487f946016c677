"""A pooler is accepted if it gives each session one of the server, and refused otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import StoreError
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.postgresql.store import open_store
from stt_shared.errors import ConfigError
from tests.servers import pgbouncer
from tests.servers.fixtures import serving
from tests.support.coordinator.copied_stores import copied, filled
from tests.support.coordinator.postgresql_stores import database, fresh_schema, url
from tests.support.coordinator.store_rows import run

SECRET = "pooled-secret"  # of a throw-away role


@pytest.fixture
def login(store_server: Running) -> str:
    """A role that may make a schema."""
    name = fresh_schema()
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'".encode())
        connection.execute(f"GRANT CREATE ON DATABASE postgres TO {name}".encode())
    return name


IGNORED = "ignore_startup_parameters = options"


@contextmanager
def pooling(
    store_server: Running, servers_folder: Path, login: str, mode: str, more: str
) -> Iterator[str]:
    """The address of a database through PgBouncer."""
    folder = servers_folder / f"pgbouncer-{login}"

    def start() -> Running:
        made = pgbouncer.start(folder, store_server, mode, more)
        (folder / "users").write_text(f'"{login}" "{SECRET}"\n', encoding="utf-8")
        return made.start()

    with serving("PgBouncer", start) as running:
        yield url(running, "postgres", login, SECRET)


@pytest.mark.parametrize("more", ["", IGNORED], ids=["as it comes", "ignoring settings"])
async def test_a_pooler_in_transaction_mode_is_refused_by_name(
    store_server: Running, servers_folder: Path, login: str, more: str
) -> None:
    with pooling(store_server, servers_folder, login, "transaction", more) as where:
        with pytest.raises(ConfigError, match="by which sessions share those") as refused:
            await open_store(where, login)
        assert "pool_mode = session" in refused.value.hint
        assert SECRET not in refused.value.message
    with psycopg.connect(url(store_server, "postgres")) as connection:
        assert not schema.exists(connection, login)


async def test_a_pooler_in_transaction_mode_is_refused_although_the_role_has_the_settings(
    store_server: Running, servers_folder: Path, login: str
) -> None:
    """So that its sessions have them, whatever the pooler drops."""
    where = address_of(url(store_server, "postgres"), login)
    with psycopg.connect(url(store_server, "postgres"), autocommit=True) as connection:
        for name, value in where.settings.items():
            connection.execute(f"ALTER ROLE {login} SET {name} = {value}".encode())
    with (
        pooling(store_server, servers_folder, login, "transaction", IGNORED) as pooled,
        pytest.raises(ConfigError, match="by which sessions share those"),
    ):
        await open_store(pooled, login)


async def test_a_pooler_in_statement_mode_is_refused(
    store_server: Running, servers_folder: Path, login: str
) -> None:
    with (
        pooling(store_server, servers_folder, login, "statement", "") as where,
        pytest.raises(ConfigError, match="transaction blocks not allowed") as refused,
    ):
        await open_store(where, login)
    assert "pool_mode = session" in refused.value.hint


@pytest.mark.parametrize("more", ["", IGNORED], ids=["as it comes", "ignoring settings"])
async def test_a_pooler_in_session_mode_keeps_a_store_with_all_settings(
    store_server: Running, servers_folder: Path, login: str, more: str
) -> None:
    with pooling(store_server, servers_folder, login, "session", more) as where:
        store = await open_store(where, login)
        await store.begin(1)
        await store.transact(lambda ledger: ledger.runs.put(run()))
        assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]
        wanted = address_of(where, login).settings
        names = list(schema.COMPARED)
        found = await store._run(
            store._writer, lambda one: one.execute(schema.SQL["settings"], (names,)).fetchall()
        )
        assert dict(found) == {name: wanted[name] for name in names}
        await store.close()


async def test_a_transaction_that_is_handed_to_another_session_commits_nothing(
    store_server: Running,
) -> None:
    """A pooler that looked right at the start: what it hands out differs from then on."""
    store = await open_store(database(store_server), fresh_schema())
    await store.transact(lambda ledger: ledger.runs.put(run()))
    await store._run(store._writer, lambda one: one.execute(b"SET stt.session = 'of another'"))
    with pytest.raises(StoreError, match="by which sessions share those"):
        await store.transact(lambda ledger: ledger.runs.put(run("r2")))
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    await store.close()


@pytest.mark.parametrize("more", ["", IGNORED], ids=["as it comes", "ignoring settings"])
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
async def test_a_copy_through_a_pooler_is_refused_and_leaves_no_lock_behind(
    store_server: Running,
    servers_folder: Path,
    login: str,
    tmp_path: Path,
    *,
    mode: str,
    more: str,
) -> None:
    """A pooler keeps sessions of the server, with the lock by which a copy is at rest."""
    await (await filled(tmp_path / "state")).close()
    with pooling(store_server, servers_folder, login, mode, more) as where:
        for ways in ((tmp_path / "state", where), (where, tmp_path / "back")):
            with pytest.raises(ConfigError, match=r"startup parameter|behind a pooler") as refused:
                copied(*ways)
            assert refused.value.hint == "connect to PostgreSQL itself, not through a pooler"
            assert SECRET not in str(refused.value)
        with psycopg.connect(url(store_server, "postgres")) as connection:
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            assert connection.execute(held, (schema.LOCK + 2,)).fetchone() == (0,)
