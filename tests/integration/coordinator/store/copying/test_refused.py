"""What is not copied has one clear error, and nothing was changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.copying import postgresql
from stt_coordinator.store.copying.places import has_password
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.address import APPLICATION
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import faultpoint
from stt_shared.errors import ConfigError, UnreachableError, UsageError
from tests.servers.fixtures import PASSWORD
from tests.support.coordinator.copied_stores import copied, drop_database, fresh_database
from tests.support.coordinator.postgresql_stores import url
from tests.support.coordinator.store_rows import run

NOWHERE = "postgresql://stt@127.0.0.1:1/stt"


@pytest.fixture
def other(store_server: Running) -> Iterator[str]:
    made = fresh_database(store_server)
    yield made
    drop_database(store_server, made)


async def another_store(folder: Path) -> Path:
    store = await open_store(folder)
    await store.transact(lambda ledger: ledger.runs.put(run()))
    await store.close()
    return folder


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for sessions to end: those of this test stay."""
    monkeypatch.setattr(postgresql, "LEFT_S", 0.0)


@pytest.mark.usefixtures("hurried")
async def test_a_store_that_a_coordinator_uses(state: Path, database: str, tmp_path: Path) -> None:
    store = await open_store(state)
    with pytest.raises(ConfigError, match=f"a coordinator uses the store {state}/{FILE}"):
        copied(state, database)
    await store.close()
    copied(state, database)
    with psycopg.connect(database, autocommit=True) as coordinator:
        assert schema.lock_acting(coordinator, schema.SCHEMA)
        for ways in ((database, tmp_path / "back"), (state, database)):
            with pytest.raises(ConfigError, match="a coordinator uses the store postgresql://127"):
                copied(*ways)


@pytest.mark.usefixtures("hurried")
async def test_a_database_that_an_idle_coordinator_is_connected_to(
    state: Path, database: str, tmp_path: Path
) -> None:
    copied(state, database)
    store = await open_postgresql(database)
    await store.epoch()
    for ways in ((database, tmp_path / "back"), (state, database)):
        with pytest.raises(ConfigError, match="a coordinator uses the store postgresql://127"):
            copied(*ways)
    await store.close()


async def test_sessions_that_the_server_lists_a_moment_longer_are_waited_for(
    state: Path, database: str, tmp_path: Path
) -> None:
    """As after `systemctl stop`, or after a command that ended: servers end sessions later."""
    copied(state, database)
    for name, holds in ((APPLICATION, False), (postgresql.OWN_NAME, True)):
        session = psycopg.connect(database, autocommit=True, application_name=name)
        assert not holds or schema.lock_acting(session, schema.SCHEMA)
        ending = Timer(0.5, session.close)
        ending.start()
        copied(database, tmp_path / name)
        ending.join()


async def test_a_target_with_another_store(state: Path, database: str, tmp_path: Path) -> None:
    copied(state, database)
    second = await another_store(tmp_path / "second")
    with pytest.raises(ConfigError, match="contains another store in its schema stt"):
        copied(second, database)
    with pytest.raises(ConfigError, match=f"{second}/{FILE} contains another store"):
        copied(database, second)


async def test_a_target_that_went_on_since_it_was_copied(state: Path, database: str) -> None:
    copied(state, database)
    store = await open_postgresql(database)
    await store.transact(lambda ledger: ledger.runs.put(run("later", number=99)))
    await store.close()
    with pytest.raises(ConfigError, match="its table runs differs"):
        copied(state, database)


async def test_an_unfinished_copy_of_another_store(
    state: Path, database: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_name: str) -> None:
        raise KeyboardInterrupt

    second = await another_store(tmp_path / "second")
    copied(second, other)
    with monkeypatch.context() as patched:
        patched.setattr(faultpoint, "reach", stop)
        for ways in ((state, database), (other, tmp_path / "back")):
            with pytest.raises(KeyboardInterrupt):
                copied(*ways)
    with pytest.raises(ConfigError, match="an unfinished copy of another store") as caught:
        copied(second, database)
    assert caught.value.hint == "if nobody needs it: DROP SCHEMA stt_copy CASCADE"
    copied(state, database)
    with pytest.raises(ConfigError, match=f"{FILE}.copy is an unfinished copy of another store"):
        copied(database, tmp_path / "back")


@pytest.mark.parametrize(
    ("version", "hint"),
    [(14, "start its coordinator once"), (999, "use the stt of the coordinator")],
)
async def test_a_store_of_another_schema(
    version: int, hint: str, state: Path, database: str, tmp_path: Path
) -> None:
    copied(state, database)
    with psycopg.connect(database) as session:
        session.execute("UPDATE stt.schema_version SET version = %s", (version,))
    with closing(sqlite3.connect(state / FILE)) as file:
        file.execute(f"PRAGMA user_version = {version}")
    for ways in ((database, tmp_path / "back"), (state, database)):
        with pytest.raises(ConfigError, match=f"has version {version}, this program") as caught:
            copied(*ways)
        assert hint in caught.value.hint


async def test_what_is_no_store(database: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no store at {tmp_path}/{FILE}"):
        copied(tmp_path, database)
    text, empty = tmp_path / "text.db", tmp_path / "empty.db"
    text.write_text("not a database, and longer than its header would be" * 9)
    empty.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"text\.db is not a store, or damaged"):
        copied(text, database)
    with pytest.raises(ConfigError, match=r"empty\.db is not a store"):
        copied(empty, database)
    with pytest.raises(ConfigError, match="it has no schema stt"):
        copied(database, tmp_path / "back")


async def test_a_schema_that_is_used_for_something_else(state: Path, database: str) -> None:
    with psycopg.connect(database) as session:
        session.execute("CREATE SCHEMA stt CREATE TABLE mine (id int PRIMARY KEY)")
    with pytest.raises(ConfigError, match=r"the schema stt of .* contains something else"):
        copied(state, database)


async def test_a_table_that_is_not_of_the_store(state: Path, database: str) -> None:
    with closing(sqlite3.connect(state / FILE)) as file:
        file.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigError, match=r"the tables of .* differ"):
        copied(state, database)


async def test_a_server_that_is_away_or_refuses_the_login(
    state: Path, store_server: Running, database: str
) -> None:
    with pytest.raises(
        UnreachableError, match=r"cannot connect to postgresql://127\.0\.0\.1:1/stt"
    ):
        copied(state, NOWHERE)
    wrong = url(store_server, database.rpartition("/")[2], password="wrong-secret")
    with pytest.raises(ConfigError, match="password authentication failed") as caught:
        copied(state, wrong)
    assert caught.value.hint.startswith("correct coordinator.store_password")
    assert "wrong-secret" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_a_role_that_may_not_make_a_schema(
    state: Path, store_server: Running, database: str
) -> None:
    name = database.rpartition("/")[2]
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(f"CREATE ROLE role_{name} LOGIN PASSWORD 'p'".encode())
    try:
        with pytest.raises(ConfigError, match="permission denied") as caught:
            copied(state, url(store_server, name, f"role_{name}", "p"))
        assert "grant the role CREATE on the database" in caught.value.hint
    finally:
        with psycopg.connect(database, autocommit=True) as session:
            session.execute(f"DROP ROLE role_{name}".encode())


async def test_places_of_one_kind_or_of_none(state: Path, tmp_path: Path) -> None:
    for ways in ((state, tmp_path / "other"), (NOWHERE, NOWHERE)):
        with pytest.raises(UsageError, match="one place must be a SQLite store"):
            copied(*ways)
    for wrong in ("", "mysql://db/stt"):
        with pytest.raises(UsageError, match="a place of a store is"):
            copied(state, wrong)


def test_a_password_in_an_address_is_known_as_one() -> None:
    assert has_password("postgresql://stt:secret@db/stt")
    assert has_password("/var/lib", "postgresql://db/stt?password=secret")
    assert has_password("postgresql://db/stt?scram_client_key=secret", "/var/lib")
    assert not has_password("postgresql://stt@db/stt", "/var/lib")
