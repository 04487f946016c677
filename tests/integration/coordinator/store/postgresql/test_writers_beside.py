"""Two coordinators record results in one store at the same time, and lose and double nothing."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from stt_coordinator.control.log_ins import MAX_OF_ORIGIN, Entry, LogIns
from stt_coordinator.ledger.received import ReceivedResult
from stt_coordinator.ledger.results import record_results
from stt_coordinator.ledger.sorted_batch import IntakeRules
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.postgresql.store import PostgresqlStore, open_store
from stt_shared.protocol.enums import Change
from stt_shared.protocol.messages import Watermark
from tests.support.coordinator.coordination import NOW, failed, passed
from tests.support.coordinator.ledgers import CHECKS, planned, result, taken, with_nonce
from tests.support.coordinator.postgresql_stores import database, fresh_schema
from tests.support.coordinator.store_rows import finding, opened, run

SEED = 20261130
TARGETS = [f"t{number:02}" for number in range(48)]
RUNS = ("r1", "r2")
SHARE = 0.7  # of all results that each of the two gets: many come to both
BATCH = 12
LATER = NOW + timedelta(minutes=1)
Pair = tuple[PostgresqlStore, PostgresqlStore]


@pytest.fixture
async def stores(store_server: Running) -> AsyncGenerator[Pair]:
    url, schema = database(store_server), fresh_schema()
    first = await open_store(url, schema)
    second = await open_store(url, schema)
    yield first, second
    await first.close()
    await second.close()


async def results_of_two_runs(store: PostgresqlStore) -> list[ReceivedResult]:
    """Each target twice, by two workers in turn; each fails one check, always with one finding."""
    await planned(*TARGETS, run_id=RUNS[0], store=store)
    await planned(*TARGETS, run_id=RUNS[1], store=store)
    made = [
        result(
            target,
            failed("c1"),
            passed("c2"),
            sequence=1 + number // 2,
            run_id=run_id,
            worker=f"w{1 + number % 2}",
        )
        for number, (run_id, target) in enumerate((r, t) for r in RUNS for t in TARGETS)
    ]
    jobs = await store.read(lambda ledger: ledger.jobs.by_id(one.job_id for one in made))
    return [taken(with_nonce(one, jobs)) for one in made]


async def record(store: PostgresqlStore, given: Sequence[ReceivedResult]) -> None:
    for first in range(0, len(given), BATCH):
        batch = given[first : first + BATCH]
        await store.transact_beside(
            lambda ledger, batch=batch: record_results(ledger, batch, LATER, IntakeRules())  # type: ignore[misc]  # bound now
        )


async def test_what_two_record_at_once_is_there_once_and_counted_right(stores: Pair) -> None:
    print(f"seed {SEED}")
    pick = random.Random(SEED)  # noqa: S311  # no secret
    every = await results_of_two_runs(stores[0])
    shares = [pick.sample(every, int(len(every) * SHARE)) for _ in stores]
    missing = [one for one in every if one not in shares[0] and one not in shares[1]]
    shares[0] += missing
    await asyncio.gather(*map(record, stores, shares))

    def read(ledger: Ledger) -> None:
        runs = {one.run_id: (one.state, one.jobs, one.done) for one in ledger.runs.newest(9)}
        assert runs == {one: ("finished", len(TARGETS), len(TARGETS)) for one in RUNS}
        events = [event for _, event in ledger.history.after(0, 999)]
        assert Counter(one.change for one in events) == {Change.OPENED: len(TARGETS)}
        assert len({one.after.id for one in events}) == len(TARGETS)
        (day,) = [one for one in ledger.counts.days(NOW.date()) if one.opened]
        assert day.opened == len(TARGETS)
        assert ledger.results.watermarks() == [
            Watermark(worker=worker, epoch="e1", sequence=len(TARGETS)) for worker in ("w1", "w2")
        ]
        sent = [row.message.subject for row in ledger.outbox.oldest(9_999)]
        assert len([subject for subject in sent if "run.finished" in subject]) == len(RUNS)

    await stores[1].read(read)
    kept = await stores[1].read(lambda ledger: ledger.counts.tallies())
    # Counted anew: a check that goes and comes back touches every target.
    off = [CHECKS[0], msgspec.structs.replace(CHECKS[1], enabled=False)]
    for checks in (off, CHECKS):
        await stores[0].transact(lambda ledger, one=checks: ledger.fleet.replace_checks(one))  # type: ignore[misc]  # bound now
    assert await stores[1].read(lambda ledger: ledger.counts.tallies()) == kept


async def test_results_of_different_targets_are_recorded_at_the_same_time(stores: Pair) -> None:
    held: list[float] = []

    def hold(ledger: Ledger, target: str) -> None:
        ledger.locks.targets([target])
        held.append(time.monotonic())
        time.sleep(0.5)
        held.append(time.monotonic())

    await asyncio.gather(
        stores[0].transact_beside(partial(hold, target="t00")),
        stores[1].transact_beside(partial(hold, target="t01")),
    )
    begun, ended = sorted(held)[:2], sorted(held)[2:]
    assert max(begun) < min(ended)


async def test_a_transaction_that_runs_alone_waits_for_those_beside_each_other(
    stores: Pair,
) -> None:
    await stores[0].transact(lambda ledger: ledger.runs.put(run()))
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def beside(ledger: Ledger) -> None:
        ledger.locks.runs(["standard-1"])
        loop.call_soon_threadsafe(began.set)
        time.sleep(0.3)
        ledger.runs.put(run(jobs=1))

    def alone(ledger: Ledger) -> int:
        found = ledger.runs.get("standard-1")
        assert found is not None
        return found.jobs

    first = asyncio.create_task(stores[0].transact_beside(beside))
    await began.wait()
    assert await stores[1].transact(alone) == 1
    await first


async def test_a_reader_of_the_history_misses_no_event_of_writers_beside_each_other(
    stores: Pair,
) -> None:
    def add(ledger: Ledger, id_: str, waits_s: float) -> None:
        ledger.locks.history()
        ledger.history.add([opened(finding(id_))])
        time.sleep(waits_s)  # has its position, and commits after one that began later

    async def write(number: int) -> None:
        for count in range(20):
            work = partial(add, id_=f"f_{number}_{count}", waits_s=0.004 * ((number + count) % 2))
            await stores[number].transact_beside(work)

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


async def test_attempts_to_log_in_at_two_coordinators_have_one_limit(stores: Pair) -> None:
    log_ins = [LogIns(one) for one in stores]
    tries = (log_ins[n % 2].enter("10.0.0.1", None, NOW) for n in range(6 * MAX_OF_ORIGIN))
    found = await asyncio.gather(*tries)
    assert found.count(Entry()) == MAX_OF_ORIGIN
