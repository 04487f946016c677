"""A fleet's rows in a store, written in bulk; for the benchmarks of pages and of counts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from benchmarks import page_answers
from benchmarks.page_fleet import FULL_DAYS, Fleet, Size
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.results import RawResult
from stt_coordinator.store.sql.ledger import transact
from stt_coordinator.store.sqlite.dialect import SqliteConnection
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
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
    """Make a store in `folder`; what is asked of it later is as of now."""
    fleet = Fleet(size, clock.now())
    asyncio.run(_make(folder))
    findings = list(fleet.findings())
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            transact(SqliteConnection(connection), lambda ledger: _fill(ledger, fleet, findings))
    return There(finding=findings[size.findings // 2].id, run=fleet.standard[-1].run_id)


async def _make(folder: Path) -> None:
    await (await open_store(folder)).close()


def _fill(ledger: Ledger, fleet: Fleet, findings: list[FindingRecord]) -> None:
    """Write everything by the ledger itself, so that each row is as the coordinator writes it."""
    ledger.fleet.put_control_state(
        ControlState(enabled=True, since=fleet.runs[0].slot, by="ann", reason="CHG-4400")
    )
    ledger.fleet.replace_checks(fleet.infos())
    ledger.fleet.put_workers(fleet.workers())
    ledger.fleet.put_targets(fleet.targets)
    _each(ledger.findings.put, findings)
    _each(ledger.outcomes.put, page_answers.pairs(fleet, findings))
    ledger.suppressions.put(fleet.suppressions())
    for run in fleet.runs:
        ledger.runs.put(run)
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
