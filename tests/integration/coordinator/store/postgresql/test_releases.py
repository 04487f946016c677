"""Two releases on one store: a start upgrades nothing, a take-over does, and deposes the older."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import StoreBusyError, StoreDeposedError, StoreError
from stt_coordinator.store.postgresql import address, schema
from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.postgresql.connecting import connector
from stt_coordinator.store.postgresql.store import identity_of, open_store
from stt_shared.errors import ConfigError
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import run

Newer = Callable[[], AbstractContextManager[None]]
KNOWN = schema.newest()


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Newer:
    """A block in which this program is of a release with one more migration."""
    script = tmp_path / "next.sql"
    script.write_text("CREATE TABLE of_the_next_release (id INTEGER)", encoding="utf-8")
    migrations = {**schema.migrations(), KNOWN + 1: script}

    @contextmanager
    def block() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: migrations)
            yield

    return block


async def test_a_start_of_a_newer_release_leaves_the_store_as_the_older_one_needs_it(
    store_server: Running, newer: Newer
) -> None:
    where, name = database(store_server), fresh_schema()
    older = await open_store(where, name)
    await older.begin(1)
    with newer():
        assert await identity_of(where, name) == older.identity
        # As one that joins the coordinators that act.
        with pytest.raises(StoreError, match=f"schema {KNOWN} of an older release"):
            await open_store(where, name, upgrades=False)
    assert (await older.health()).version == KNOWN
    await older.transact(lambda ledger: ledger.runs.put(run()))
    await older.close()


async def test_a_take_over_by_a_newer_release_upgrades_and_deposes_the_older_one(
    store_server: Running, newer: Newer
) -> None:
    where, name = database(store_server), fresh_schema()
    older = await open_store(where, name)
    await older.begin(3)
    with newer():
        later = await open_store(where, name)
        # One of a release that does not compare the schema is deposed by the epoch.
        assert await later.epoch() == 4
        await later.begin(5)
        await later.transact(lambda ledger: ledger.runs.put(run()))
    named = rf"a newer release upgraded the store to schema {KNOWN + 1}: this one knows up to"
    with pytest.raises(StoreDeposedError, match=named):
        await older.transact(lambda ledger: ledger.runs.put(run("late")))
    with pytest.raises(StoreDeposedError, match=named):
        await older.probe_write()
    with pytest.raises(StoreDeposedError, match=named):
        await older.begin(6)
    for opening in (open_store(where, name), identity_of(where, name)):
        with pytest.raises(ConfigError, match=f"version {KNOWN + 1}, this program knows up to"):
            await opening
    with newer():
        assert await later.read(lambda ledger: ledger.runs.newest(9)) == [run()]
    await older.close()
    await later.close()


async def test_a_newer_release_does_not_upgrade_while_a_transaction_of_the_older_is_under_way(
    store_server: Running, newer: Newer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "LOCK_MS", 200)
    where, name = database(store_server), fresh_schema()
    older = await open_store(where, name)
    under_way = connector(address_of(where, name), None)()
    schema.enter(under_way, name)
    with newer(), pytest.raises(StoreBusyError, match="lock timeout"):
        await open_store(where, name)
    assert (await older.health()).version == KNOWN
    under_way.close()
    await older.close()
