"""A fleet's rows in a store, written in bulk; for the benchmarks of pages and of counts."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import psycopg

from benchmarks import page_answers
from benchmarks.page_fleet import FULL_DAYS, Fleet, Size
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import RawResult
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.address import search_path
from stt_coordinator.store.postgresql.dialect import PostgresqlConnection
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sql import runs
from stt_coordinator.store.sql.runs import SqlRuns
from stt_coordinator.store.sql.statements import Connection
from stt_coordinator.store.sql_ledger import transact
from stt_coordinator.store.sqlite.dialect import SqliteConnection
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store as open_sqlite
from stt_shared import clock
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import FindingRecord

T = TypeVar("T")
RAW_RESULT_BYTES = 2_000
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """Names in the store that addresses can be made of."""

    finding: str
    run: str


def seed(folder: Path, size: Size) -> There:
    """Make a SQLite store in `folder`; what is asked of it later is as of now."""
    asyncio.run(_make(open_sqlite(folder)))
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            there = _seed(SqliteConnection(connection), size)
    return there


def seed_postgresql(url: str, size: Size) -> There:
    """Make a store in the database at `url`; what is asked of it later is as of now."""
    asyncio.run(_make(open_postgresql(url)))
    # A session without the limits of a coordinator's: rows are made while the server waits.
    options = f"-c search_path={search_path(schema.SCHEMA)}"
    with psycopg.connect(url, options=options) as connection:
        types = schema.column_types(connection, schema.SCHEMA)
        analyze = partial(connection.execute, "ANALYZE")
        there = _seed(PostgresqlConnection(connection, types), size, analyze)
        connection.commit()
        # As autovacuum leaves the tables of a store that has been filled for a year.
        connection.autocommit = True
        connection.execute("VACUUM (ANALYZE)")
    return there


async def _make(opening: Awaitable[Store]) -> None:
    await (await opening).close()


def _seed(
    connection: Connection, size: Size, analyze: Callable[[], object] = lambda: None
) -> There:
    fleet = Fleet(size, clock.now())
    # The rows are made once and dropped at the end: looking for cycles among millions takes longer.
    gc.disable()
    findings = list(fleet.findings())

    def work(ledger: Ledger) -> None:
        _fill(ledger, fleet, findings)
        # Before the end of the transaction, when all targets are counted: without statistics the
        # planner compares each finding with each target.
        analyze()

    try:
        transact(connection, work)
        # One statement for all: a round trip for each of 2,700 runs takes a minute.
        connection.executemany(SqlRuns.sql["put"], map(runs.columns, fleet.runs))
    finally:
        gc.enable()
    return There(finding=findings[size.findings // 2].id, run=fleet.standard[-1].run_id)


def _fill(ledger: Ledger, fleet: Fleet, findings: list[FindingRecord]) -> None:
    """Write everything by the ledger itself, so that each row is as the coordinator writes it."""
    ledger.fleet.put_control_state(
        ControlState(enabled=True, since=fleet.runs[0].slot, by="ann", reason="CHG-4400"), 1
    )
    ledger.fleet.replace_checks(fleet.infos())
    ledger.fleet.put_workers(fleet.workers())
    ledger.fleet.put_targets(fleet.targets)
    _each(ledger.findings.put, findings)
    _each(ledger.outcomes.put, page_answers.pairs(fleet, findings))
    ledger.suppressions.put(fleet.suppressions())
    for run in {run.schedule: run for run in fleet.runs}.values():
        ledger.runs.put_slot(run.schedule, run.slot)
    _each(ledger.jobs.put, page_answers.jobs(fleet, findings))
    _each(ledger.history.add, fleet.events(findings))
    ledger.audit.add(fleet.audit())
    _each(ledger.results.add, _results(fleet))
    for at, number in fleet.counts():
        ledger.counts.put(at, number)


def _each(put: Callable[[list[T]], object], rows: Iterable[T]) -> None:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH_ROWS)):
        put(batch)


def _results(fleet: Fleet) -> Iterator[RawResult]:
    kept = fleet.standard[-FULL_DAYS:]
    for place, run in enumerate(kept):
        for target in fleet.targets:
            yield RawResult(
                worker=target.workers[0],
                epoch="e1",
                sequence=place * len(fleet.targets) + int(target.target[1:]),
                job_id=f"{run.run_id}.{target.target}",
                received=run.finished or run.slot,
                data=bytes(RAW_RESULT_BYTES),
                content="",
            )
