"""The store of exceptions in SQLite: upgraded from the first schema, looked up by indexes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from stt_coordinator import exceptions
from stt_coordinator.store import rows
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sqlite import FILE, open_store
from stt_shared.protocol.control import CheckInfo, FindingsRequest
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.words import Family, FindingState, Interval
from stt_shared.sqlfile import folder, migrations, statements
from tests.unit.cli_samples import NOW, finding

SQL = folder("stt_coordinator.store")


def first_schema(path: Path) -> None:
    """A store as the first release made it, with one open finding."""
    (_, script), *_ = migrations(SQL / "migrations")
    old = finding()
    columns = {k: v for k, v in rows.of_finding(old).items() if k != "accepted"}
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)
        connection.execute(f"INSERT INTO findings ({names}) VALUES ({values})", columns)
        connection.execute(
            "INSERT INTO targets VALUES (:target, 'mysql', 'eu-west', 0, 1, 'checked', :data)",
            {
                "target": old.target,
                "data": b'{"target":"orders-mysql-3","family":"mysql","site":"eu-west",'
                b'"first_seen":"2026-11-01T00:00:00Z"}',
            },
        )
        connection.execute("PRAGMA user_version = 1")


async def test_a_store_of_the_first_schema_keeps_its_findings_and_takes_exceptions(
    tmp_path: Path,
) -> None:
    first_schema(tmp_path / FILE)
    store = await open_store(tmp_path)
    info = CheckInfo(
        check=finding().check,
        family=Family.MYSQL,
        summary="",
        interval=Interval.STANDARD,
        digest="d",
        enabled=True,
    )
    one = ExceptionRecord(
        id="x_a",
        check=finding().check,
        site="eu-west",
        until=date(2026, 12, 1),
        reason="why",
        by="ann",
        created=NOW,
    )
    await store.transact(lambda ledger: ledger.replace_checks([info]))
    assert await store.read(lambda ledger: ledger.find_findings(FindingsRequest())) == (
        [finding()],
        1,
    )

    def found(ledger: Ledger) -> list[tuple[str, int]]:
        return [
            (state, ledger.find_findings(FindingsRequest(state=state))[1])
            for state in ("open", "accepted", "all")
        ]

    await store.transact(lambda ledger: exceptions.enter(ledger, [one], NOW))
    assert await store.read(found) == [("open", 0), ("accepted", 1), ("all", 1)]
    end = datetime(2026, 12, 2, tzinfo=UTC)
    await store.transact(lambda ledger: exceptions.look_after(ledger, end))
    assert await store.read(found) == [("open", 1), ("accepted", 0), ("all", 1)]
    ((record,), _) = await store.read(lambda ledger: ledger.find_findings(FindingsRequest()))
    assert (record, record.state) == (finding(), FindingState.OPEN)
    await store.close()


PLACE = {"created": "2026", "id": "x_"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("live_exceptions", {"targets": '["", "t1"]'}),
        ("exceptions_due", {"now": "2026", "limit": 9}),
        ("next_end", {}),
        ("exceptions_like", {"prefix": "x_", "beyond": "x_z", "limit": 9}),
        ("find_exceptions", {"outcome": "live", **PLACE, "limit": 9, "offset": 0}),
        ("find_exceptions_all", {**PLACE, "limit": 9, "offset": 0}),
        ("events_page", {"at": "2026", "position": 1, "limit": 9, "offset": 0}),
        ("runs", {"slot": "2026", "run_id": "r", "limit": 9}),
        ("audit", {"before": 9, "limit": 9}),
        ("prune_audit", {"audit": "2026", "limit": 9}),
        ("findings_of_check", {"check_name": "c"}),
        ("findings_by_id", {"ids": "[]"}),
        ("tally_accepted", {}),
        ("tally_accepted_by", {"ids": "[]"}),
        (
            "count_accepted",
            dict.fromkeys(("severities", "families", "sites", "targets", "checks"), "[]"),
        ),
    ],
)
async def test_no_look_at_exceptions_and_no_page_of_a_list_scans_a_table(
    tmp_path: Path, name: str, values: dict[str, object]
) -> None:
    await (await open_store(tmp_path)).close()
    sql = statements(SQL / "queries.sql")[name]
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    large = ("findings", "exceptions", "history", "audit", "runs")
    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in large]
    assert [step for step in scans if "USING" not in step] == [], plan
