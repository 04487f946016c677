"""What a session that hangs or breaks costs: a bounded time, and never a transaction done twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from functools import partialmethod

import psycopg
import pytest

from stt_coordinator.local.servers.process import HOST, Running
from stt_coordinator.store.port import Ledger, StoreError
from stt_coordinator.store.postgresql import sessions
from stt_coordinator.store.postgresql import store as stores
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from tests.servers.listeners import listening
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import run
from tests.support.processes.coordinators import BlackHole

ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
def hole(store_server: Running) -> BlackHole:
    made = BlackHole(store_server.port)
    made.opened.set()
    return made


@pytest.fixture
async def store(
    store_server: Running, hole: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[PostgresqlStore]:
    monkeypatch.setattr(stores, "WRITE_S", 1.0)
    monkeypatch.setattr(stores, "READ_S", 1.0)
    monkeypatch.setattr(sessions, "WATCH_S", 0.1)
    async with listening(hole.take) as hole.port:
        where = database(store_server).replace(f":{store_server.port}/", f":{hole.port}/")
        made = await open_store(where, fresh_schema())
        yield made
        hole.opened.set()
        await made.close()


async def test_a_transaction_that_hangs_ends_with_an_error_and_the_next_one_is_done(
    store: PostgresqlStore, hole: BlackHole
) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))
    hole.opened.clear()
    began = time.monotonic()
    with pytest.raises(StoreError, match="cannot use the store"):
        await store.transact(lambda ledger: ledger.runs.put(run("late", number=2)))
    with pytest.raises(StoreError, match="cannot use the store"):
        await store.read(lambda ledger: ledger.runs.newest(9))
    assert time.monotonic() - began < 60  # with two that make a session in vain
    hole.opened.set()
    await store.transact(lambda ledger: ledger.runs.put(run("next", number=3)))
    found = await store.read(lambda ledger: ledger.runs.numbers(["r1", "late", "next"]))
    assert "next" in found
    assert "late" not in found


async def test_a_read_of_many_quick_statements_may_take_longer_than_any_of_them(
    store: PostgresqlStore,
) -> None:
    await store.transact(lambda ledger: ledger.runs.put(run()))

    def read(ledger: Ledger) -> int:
        end, statements = time.monotonic() + 2 * stores.READ_S, 0
        while time.monotonic() < end:
            assert ledger.runs.newest(9) == [run()]
            statements += 1
            time.sleep(0.05)
        return statements

    assert await store.read(read) > 2


async def test_a_store_whose_server_hangs_is_closed_in_bounded_time(
    store: PostgresqlStore, hole: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CLOSE_S", 0.2)
    await store.probe_write()
    hole.opened.clear()
    waiting = asyncio.create_task(store.probe_write())
    await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        await store.close()
    with pytest.raises(StoreError):
        await waiting


async def test_work_is_repeated_on_a_new_session_only_before_its_commit(
    store_server: Running, store: PostgresqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def cut(ledger: Ledger) -> None:
        tries.append(1)
        ledger.runs.put(run())
        if len(tries) == 1:
            with psycopg.connect(database(store_server)) as connection:
                connection.execute(ENDED, ("stt-coordinator",))
            ledger.runs.running()

    await store.transact(cut)
    assert len(tries) == 2
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]

    def late(ledger: Ledger) -> None:
        tries.append(1)
        ledger.runs.put(run("late", number=2))

    def cut_before(session: sessions.Session, commit: Callable[[sessions.Session], None]) -> None:
        with psycopg.connect(database(store_server)) as connection:
            connection.execute(ENDED, ("stt-coordinator",))
        commit(session)

    commit = partialmethod(cut_before, sessions.Session.commit)
    monkeypatch.setattr(sessions.Session, "commit", commit)
    with pytest.raises(StoreError, match="broke during a commit"):
        await store.transact(late)
    assert len(tries) == 3


async def test_an_error_of_a_change_is_one_of_the_transaction_not_of_its_commit(
    store: PostgresqlStore,
) -> None:
    # Longer than an entry of an index may be. The server answers insertions late, all at once.
    name = "".join(f"{number:x}" for number in range(9_000))
    with pytest.raises(StoreError, match="index row requires"):
        await store.transact(lambda ledger: ledger.runs.put(run(name)))
    await store.transact(lambda ledger: ledger.runs.put(run()))
    assert await store.read(lambda ledger: ledger.runs.newest(9)) == [run()]


async def test_a_server_that_is_away_is_one_line_of_the_log_however_many_tasks_meet_it(
    store_server: Running,
    store: PostgresqlStore,
    hole: BlackHole,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await store.probe_write()
    target, hole.target = hole.target, 1  # nobody listens there
    with psycopg.connect(database(store_server)) as connection:
        connection.execute(ENDED, ("stt-coordinator",))
    for _ in range(5):
        with pytest.raises(StoreError):
            await store.probe_write()
    hole.target = target
    await store.probe_write()
    printed = capsys.readouterr().out
    assert printed.count("store_unreachable") == 1
    assert printed.count("store_reached") == 1
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert HOST in printed
