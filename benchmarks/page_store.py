"""A fleet's rows in a store, written in bulk; for the benchmark of pages and for query plans."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks import page_answers
from benchmarks.page_fleet import FULL_DAYS, Fleet, Size
from stt_coordinator.domain.daily import day_of
from stt_coordinator.store.sql import counts, jobs, outcomes, rows, runs, suppressions
from stt_coordinator.store.sql import findings as found
from stt_coordinator.store.sql import fleet as fleets
from stt_coordinator.store.sql.statements import queries
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import clock
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import FindingRecord

MINUTES = 4_000  # between how long it took to mend two findings
RAW_RESULT_BYTES = 2_000
Many = Iterable[rows.Columns]


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
            for name, values in statements(fleet, findings).items():
                aggregate, statement = name.split(".")
                connection.executemany(queries(aggregate)[statement], values)
    return There(finding=findings[size.findings // 2].id, run=fleet.standard[-1].run_id)


async def _make(folder: Path) -> None:
    await (await open_store(folder)).close()


def statements(fleet: Fleet, findings: list[FindingRecord]) -> dict[str, Many]:
    """The rows of each statement that writes."""
    state = ControlState(enabled=True, since=fleet.runs[0].slot, by="ann", reason="CHG-4400")
    workers: Many = ({"worker": w.worker, "data": rows.packed(w)} for w in fleet.workers())
    events: Many = (
        {"finding": one.after.id, "at": rows.text(one.at), "data": rows.packed(one)}
        for one in fleet.events(findings)
    )
    slots = {one.schedule: rows.text(one.slot) for one in fleet.runs}
    return {
        "fleet.put_control_state": [{"data": rows.packed(state)}],
        "fleet.put_check": map(fleets.check_columns, fleet.infos()),
        "fleet.put_worker": workers,
        "fleet.put_target": map(fleets.target_columns, fleet.targets),
        "findings.put": map(found.columns, findings),
        "outcomes.put": map(outcomes.columns, page_answers.pairs(fleet, findings)),
        "suppressions.put": map(suppressions.columns, fleet.suppressions()),
        "runs.put": map(runs.columns, fleet.runs),
        "runs.put_slot": ({"schedule": name, "slot": slot} for name, slot in slots.items()),
        "jobs.put": map(jobs.columns, page_answers.jobs(fleet, findings)),
        "history.add": events,
        "audit.add": ({"at": rows.text(e.at), "data": rows.packed(e)} for e in fleet.audit()),
        "results.put": _results(fleet),
        "counts.put": (
            {"hour": rows.text(at)[:13], "at": rows.text(at), "data": rows.packed(number)}
            for at, number in fleet.counts()
        ),
        "counts.put_day": (
            row for at, number in fleet.counts() for row in counts.day_columns(at, number)
        ),
        "history.add_to_day": _days(fleet),
        "history.add_fixes": _fixes(fleet),
    }


def _results(fleet: Fleet) -> Many:
    kept = fleet.standard[-FULL_DAYS:]
    for place, run in enumerate(kept):
        for target in fleet.targets:
            yield {
                "worker": target.workers[0],
                "epoch": "e1",
                "sequence": place * len(fleet.targets) + int(target.target[1:]),
                "job_id": f"{run.run_id}.{target.target}",
                "received": rows.text(run.finished),
                "data": bytes(RAW_RESULT_BYTES),
                "content": "",
            }


def _days(fleet: Fleet) -> Many:
    for at, _ in fleet.counts():
        for severity in Severity:
            day = day_of(at).isoformat()
            yield {"day": day, "severity": str(severity), "opened": 5, "resolved": 4}


def _fixes(fleet: Fleet) -> Many:
    for at, _ in fleet.counts():
        for number, severity in enumerate(Severity):
            day = day_of(at).isoformat()
            minutes = MINUTES * (number + 1) + at.hour
            yield {"day": day, "severity": str(severity), "minutes": minutes, "number": 2}
