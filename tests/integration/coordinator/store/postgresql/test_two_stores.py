"""Two coordinators on one schema: what one transaction does, the other one sees whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from functools import partial

import psycopg
import pytest

from stt_coordinator.domain.model import JobState
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.place import DatabasePlace
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from stt_shared.errors import ConfigError
from stt_shared.secret_references.reference import Secret
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import finding, job, opened, pair, run

ROUNDS = 10
Pair = tuple[PostgresqlStore, PostgresqlStore]


@pytest.fixture
async def stores(store_server: Running) -> AsyncGenerator[Pair]:
    url, schema = database(store_server), fresh_schema()
    # At once, as two coordinators that start together: one of them makes the schema.
    first, second = await asyncio.gather(open_store(url, schema), open_store(url, schema))
    yield first, second
    await first.close()
    await second.close()


async def test_two_that_start_at_once_make_one_store(stores: Pair) -> None:
    assert stores[0].identity == stores[1].identity
    assert len(stores[0].identity) == 32


async def test_the_writer_of_the_last_job_of_a_run_sees_that_no_job_is_left(stores: Pair) -> None:
    def finish(ledger: Ledger, run_id: str, name: str) -> bool:
        ledger.jobs.put([job(name, run_id, state=JobState.DONE)])
        time.sleep(0.01)  # both are under way: each would count before the other one commits
        return ledger.jobs.count_by_state(run_id) == {JobState.DONE: 2}

    for number in range(ROUNDS):
        of = f"r{number}"
        await stores[0].transact(
            lambda ledger, of=of: ledger.jobs.put([job("t1", of), job("t2", of)])  # type: ignore[misc]  # bound now
        )
        done = await asyncio.gather(
            stores[0].transact(partial(finish, run_id=of, name="t1")),
            stores[1].transact(partial(finish, run_id=of, name="t2")),
        )
        assert sorted(done) == [False, True]


async def test_a_finding_that_two_learn_of_is_opened_once(stores: Pair) -> None:
    def learn(ledger: Ledger, id_: str) -> None:
        if ledger.findings.by_id([id_]):
            return
        time.sleep(0.01)
        ledger.findings.put([finding(id_)])
        ledger.history.add([opened(finding(id_))])

    for number in range(ROUNDS):
        both = (store.transact(partial(learn, id_=f"f_{number}")) for store in stores)
        await asyncio.gather(*both)
    events = await stores[0].read(lambda ledger: ledger.history.after(0, 99))
    assert [event.after.id for _, event in events] == [f"f_{n}" for n in range(ROUNDS)]


async def test_rows_in_opposite_order_end_in_no_deadlock(stores: Pair) -> None:
    def write(ledger: Ledger, names: list[str]) -> None:
        for name in names:
            ledger.outcomes.put([pair(name)])
            ledger.runs.put(run(name, number=ledger.runs.next_number()))

    names = [f"t{number}" for number in range(30)]
    both = (
        store.transact(partial(write, names=order))
        for _ in range(ROUNDS)
        for store, order in zip(stores, (names, names[::-1]), strict=True)
    )
    await asyncio.gather(*both)
    numbers = await stores[1].read(lambda ledger: ledger.runs.numbers(names))
    assert len(set(numbers.values())) == len(names)


async def test_a_reader_of_the_history_misses_no_event_of_two_writers(stores: Pair) -> None:
    def add(ledger: Ledger, id_: str, waits_s: float) -> None:
        ledger.history.add([opened(finding(id_))])
        time.sleep(waits_s)  # has its position, and commits after one that began later

    async def write(number: int) -> None:
        for count in range(20):
            work = partial(add, id_=f"f_{number}_{count}", waits_s=0.004 * ((number + count) % 2))
            await stores[number].transact(work)

    writers = asyncio.gather(write(0), write(1))
    position, seen = 0, 0
    while True:
        is_over = writers.done()
        found = await stores[0].read(lambda ledger, at=position: ledger.history.after(at, 3))  # type: ignore[misc]  # bound now
        seen += len(found)
        position = found[-1][0] if found else position
        if is_over and not found:
            break
    await writers
    assert seen == 40


async def test_a_store_that_was_dropped_is_made_anew_at_a_start_only(store_server: Running) -> None:
    place = DatabasePlace(database(store_server), Secret())
    first = await place.identity()
    opened = await place.open()
    assert opened.identity == first
    await opened.close()
    with psycopg.connect(place.url, autocommit=True) as connection:
        for left in ("", "CREATE SCHEMA stt"):  # nothing, and what a restore has begun
            connection.execute(f"DROP SCHEMA IF EXISTS stt CASCADE; {left}".encode())
            with pytest.raises(ConfigError, match="has no store any more"):
                await place.open()
            table = connection.execute("SELECT to_regclass('stt.runs')").fetchone()
            assert table == (None,)
        assert await place.identity() != first
        connection.execute("DROP SCHEMA stt CASCADE")
