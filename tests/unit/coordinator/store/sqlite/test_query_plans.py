"""No statement of the store reads a whole table that grows, and no index is there for nothing."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sql.statements import queries
from stt_coordinator.store.sqlite.dialect import with_hints
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_coordinator.store.sqlite.store import open_store

# Locks have no statement here: SQLite has one writer.
AGGREGATES = sorted({field.name for field in dataclasses.fields(Ledger)} - {"locks"})
SQL = {
    f"{aggregate}.{name}": with_hints(statement)
    for aggregate in AGGREGATES
    for name, statement in queries(aggregate).items()
}
BOUNDED = {
    "checks": "as many as the library has",
    "control": "one row",
    "leader_report": "one row",
    "form_keys": "one row",
    "sessions": "at most 1,000",
    "login_failures": "at most 60",
    "clock": "one row",
    "slots": "one for each schedule",
    "outbox": "read from its beginning, up to a limit",
    "rejected": "messages that could not be read, kept as long as results",
    "json_each": "what was asked for",
    "kept_counts": "a few of each target, in the order of their groups",
    "outcome_sums": "a few of each site",
    "finding_sums": "some of each check and site",
    "found": "of the targets of one batch",
    "summed": "one for each check",
    "few": "at most as many as are few",
    "of_target": "one for each target with findings",
    "newest": "one page",
    "of_minutes": "at most one for each day and minute",
    "ranked": "at most one for each day and minute",
    "each": "the databases that one outcome left out",
    "current_parts": "outcomes that left databases out, found by an index before",
}
SORTED = {
    "jobs.followers": "of the targets of one batch",
    "jobs.outstanding": "of the targets of one batch",
    "results.watermarks": "one for each worker and its starts",
    "findings.of_check": "those of one check",
    "suppressions.live_of_targets": "those of the targets of one batch",
    "history.of_finding": "one page",
    "suppressions.due": "those of one instant",
    "outcomes.parts_not_checked": "databases that checks left out: few or none",
    "outcomes.parts_of_check": "databases that one check left out",
    "counts.fix_times": "at most one for each day and minute",
    "fleet.checks": "as many as the library has",
    "counts.keep_outcomes": "those of the targets of one batch",
    "counts.keep_findings": "those of the targets of one batch",
    **{
        f"findings.page_{state}{end}": "one page"
        for state in ("open", "accepted", "gone", "any")
        for end in ("", "_from_end")
    },
    "findings.page_any_of_targets": "those of a few targets",
    "findings.page_resolved": "at most as many as are few",
    "counts.sum_outcomes": "those of the targets of one batch",
    "counts.sum_findings": "those of the targets of one batch",
    "findings.page_of_checks": "at most as many as are few",
    "findings.page_of_targets": "at most as many as are few, of their targets",
    "fleet.sites": "one for each site",
    "fleet.enabled_checks": "as many as the library has",
    "outcomes.never_run": "one for each family",
    "results.count_rejected": "one for each reason",
    "jobs.counts_of_run": "the jobs of one run",
}
# Statements that read a whole table because everything is counted anew after them.
WHOLE = {"counts.counted_targets"}
COUNTED = (
    "counts.tally_",
    "counts.break_down_",
    "findings.group_by_",
    "findings.count_",
    "jobs.count_",
)  # groups of what an index has counted


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[sqlite3.Connection]:
    await (await open_store(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        yield connection


def plan(store: sqlite3.Connection, name: str) -> list[str]:
    keys = set(re.findall(r":(\w+)", SQL[name]))
    values = {key: "[]" if key.endswith("s") else 1 for key in keys}
    return [row[3] for row in store.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", values)]


def complaints(store: sqlite3.Connection) -> list[str]:
    """What is wrong with the plan of each statement."""
    found: list[str] = []
    for name in SQL:
        try:
            steps = plan(store, name)
        except sqlite3.OperationalError as error:
            found.append(f"{name}: {error}")
            continue
        found += [
            f"{name}: {step}"
            for step in steps
            if (is_scan(step) and name not in WHOLE) or is_sort(name, step)
        ]
    return found


def is_scan(step: str) -> bool:
    words = step.split()
    if words[0] != "SCAN" or "USING" in words:
        return False
    # What a subquery of a window reads is a step of its own.
    return words[1] not in BOUNDED and not words[1].startswith("(subquery-")


def is_sort(name: str, step: str) -> bool:
    made = "TEMP B-TREE" in step or "AUTOMATIC" in step
    return made and name not in SORTED and not name.startswith(COUNTED)


async def test_no_statement_reads_or_sorts_a_whole_table_that_grows(
    store: sqlite3.Connection,
) -> None:
    assert complaints(store) == []
    assert set(SORTED) <= set(SQL)


async def test_every_index_is_used(store: sqlite3.Connection) -> None:
    made = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    indexes = {name for (name,) in store.execute(made)}
    steps = "\n".join(step for name in SQL for step in plan(store, name))
    assert {name for name in indexes if not re.search(rf"INDEX {name}\b", steps)} == set()


@pytest.mark.parametrize("index", ["runs_in_order", "jobs_open", "history_by_age", "counts_by_age"])
async def test_an_index_that_is_missing_is_reported(store: sqlite3.Connection, index: str) -> None:
    store.execute(f"DROP INDEX {index}")
    assert complaints(store) != []
