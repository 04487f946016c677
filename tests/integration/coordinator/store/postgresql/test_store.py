"""What only the PostgreSQL store can get wrong: its sessions, its locks, its errors, its number."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, StoreBusyError, StoreError, StoreReadOnlyError
from stt_coordinator.store.ports.results import Rejected
from stt_coordinator.store.postgresql import address, schema
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from stt_shared.errors import ConfigError
from stt_shared.protocol.findings import FindingsRequest
from tests.servers.fixtures import PASSWORD
from tests.support.coordinator.postgresql_stores import database, fresh_schema, url
from tests.support.coordinator.store_rows import NOW, check, finding, run
from tests.support.coordinator.twins import Fleet, questions

# Of the migrations after 19.
LATER_TABLES = (
    *("outcome_sums", "finding_sums", "confirmed"),
    *("sessions", "login_failures", "form_keys", "leader_report", "checks_pack"),
)
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
SETTINGS = "SELECT current_setting(unnest(%s::text[]))"


@pytest.fixture
def where(store_server: Running) -> str:
    return database(store_server)


@pytest.fixture
def name() -> str:
    return fresh_schema()


@pytest.fixture
async def store(where: str, name: str) -> AsyncGenerator[PostgresqlStore]:
    made = await open_store(where, name)
    yield made
    await made.close()


async def test_what_was_written_is_there_after_the_store_was_opened_again(
    store: PostgresqlStore, where: str, name: str
) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))
    await store.close()
    again = await open_store(where, name)
    assert await again.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    assert again.identity == store.identity
    await again.close()


async def test_a_schema_of_a_newer_version_is_refused_and_left_alone(
    store: PostgresqlStore, where: str, name: str
) -> None:
    await store.close()
    with psycopg.connect(where) as connection:
        connection.execute(f"UPDATE {name}.schema_version SET version = 999".encode())
    with pytest.raises(ConfigError, match="version 999, this program knows up to"):
        await open_store(where, name)


async def test_a_store_of_an_earlier_schema_has_the_same_numbers_after_its_upgrade(
    store: PostgresqlStore, where: str, name: str
) -> None:
    await store.transact(Fleet(1).fill)
    await store.close()
    with psycopg.connect(where) as connection:
        for table in LATER_TABLES:
            connection.execute(f"DROP TABLE {name}.{table}".encode())
        connection.execute(f"ALTER TABLE {name}.control DROP COLUMN sequence".encode())
        for column in ("counts", "failed"):
            connection.execute(f"ALTER TABLE {name}.jobs DROP COLUMN {column}".encode())
        connection.execute(f"UPDATE {name}.schema_version SET version = 19".encode())
    upgraded, twin = await open_store(where, name), MemoryStore()
    await twin.transact(Fleet(1).fill)
    for number, ask in enumerate(questions(Fleet(1))):
        assert await upgraded.read(ask) == await twin.read(ask), f"question {number}"
    await upgraded.close()


async def test_two_stores_of_one_schema_add_to_sums_of_their_own(
    store: PostgresqlStore, where: str, name: str
) -> None:
    other = await open_store(where, name)

    def find(ledger: Ledger, id_: str) -> None:
        ledger.fleet.replace_checks([check()])
        ledger.findings.put([finding(id_, target=id_)])

    await store.transact(lambda ledger: find(ledger, "f_a"))
    await other.transact(lambda ledger: find(ledger, "f_b"))
    with psycopg.connect(where) as connection:
        slots = connection.execute(
            f"SELECT slot, major FROM {name}.finding_sums ORDER BY slot".encode()
        )
        assert slots.fetchall() == [(0, 1), (1, 1)]
    (group,) = await store.read(lambda ledger: ledger.findings.group("check", 9))
    assert (group.findings, group.targets) == (2, 2)
    await other.close()


async def test_connections_that_the_server_ended_are_made_anew(
    store: PostgresqlStore, where: str
) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))
    with psycopg.connect(where) as connection:
        assert connection.execute(ENDED, ("stt-coordinator",)).fetchall()
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    await store.probe_write()


async def test_a_session_that_dies_in_a_transaction_keeps_nothing_of_it(
    store: PostgresqlStore, where: str
) -> None:
    def cut(ledger: Ledger) -> None:
        ledger.runs.put(run())
        with psycopg.connect(where) as connection:
            connection.execute(ENDED, ("stt-coordinator",))
        ledger.runs.running()

    with pytest.raises(
        StoreError, match=r"cannot use the store postgresql://127\.0\.0\.1:[0-9]+/stores"
    ):
        await store.transact(cut)
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == []


async def test_a_lock_that_a_stranger_holds_is_waited_for_no_longer_than_its_limit(
    where: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "LOCK_MS", 100)
    store = await open_store(where, name)
    with psycopg.connect(where) as stranger:
        schema.lock_writers(stranger, name)
        with pytest.raises(StoreBusyError, match="lock timeout"):
            await store.transact(lambda ledger: ledger.runs.put(run()))
        # Readers wait for nobody.
        assert await store.read(lambda ledger: ledger.runs.newest(9)) == []
        stranger.rollback()
    await store.transact(lambda ledger: ledger.runs.put(run()))
    await store.close()


async def test_a_coordinator_stopped_in_a_transaction_holds_others_up_for_a_limited_time(
    where: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "IDLE_IN_TRANSACTION_MS", 200)
    stopped = psycopg.connect("", **address.address_of(where, name).parameters)  # type: ignore[arg-type]  # libpq's own names
    schema.lock_writers(stopped, name)
    store = await open_store(where, name)
    await store.transact(lambda ledger: ledger.runs.put(run()))
    stopped.close()
    await store.close()


async def test_every_session_has_the_settings_of_the_store(where: str, name: str) -> None:
    names = ["search_path", "lock_timeout", "idle_in_transaction_session_timeout"]
    with psycopg.connect("", **address.address_of(where, name).parameters) as connection:  # type: ignore[arg-type]  # libpq's own names
        found = [value for (value,) in connection.execute(SETTINGS, (names,))]
    assert found == [f"{name},pg_catalog,pg_temp", "15s", "10s"]


async def test_texts_with_nul_are_stored_without_it(store: PostgresqlStore) -> None:
    one = Rejected(code="a\0b", reason="\0", subject="s", at=NOW, data=b"\0")
    await store.transact(lambda ledger: ledger.results.add_rejected([one]))
    query = FindingsRequest(targets=("a\0",))
    assert await store.read(lambda ledger: ledger.findings.page(query)) == ([], 0)
    found = await store.read(lambda ledger: ledger.results.count_rejected())
    assert found == {"a\ufffdb": 1}


async def test_a_role_without_rights_is_named_and_the_password_is_not(
    store_server: Running, where: str, name: str
) -> None:
    login, secret = f"role_{name}", "not-for-logs"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{secret}'".encode())
        connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {login}".encode())
    store = await open_store(url(store_server, "stores", login, secret), name)
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA {name} FROM {login}".encode())
    with pytest.raises(StoreReadOnlyError, match="permission denied") as denied:
        await store.transact(lambda ledger: ledger.runs.put(run()))
    await store.close()
    with pytest.raises(ConfigError, match="password authentication failed") as refused:
        await open_store(url(store_server, "stores", login, "wrong-secret"), name)
    shown = f"{denied.value} {denied.value.hint} {refused.value} {refused.value.hint}"
    assert not {one for one in (secret, "wrong-secret", PASSWORD) if one in shown}


async def test_a_closed_store_says_so(store: PostgresqlStore) -> None:
    await store.close()
    with pytest.raises(StoreError, match="is closed"):
        await store.probe_write()


async def test_health_tells_size_and_version_and_that_a_server_is_away(
    store: PostgresqlStore, where: str, name: str
) -> None:
    found = await store.health()
    assert (found.path, found.sound) == (f"postgresql://{where.rpartition('@')[2]}", True)
    assert found.version == found.knows == schema.newest()
    assert found.size_bytes
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())
    found = await store.health()
    assert found.sound is None
    assert "schema_version" in found.fault
