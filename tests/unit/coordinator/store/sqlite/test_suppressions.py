"""Suppressions in SQLite: upgraded from the first schema, and found by indexes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.sql.findings import columns
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, FindingState, Interval
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.cli.samples import NOW, finding


def first_schema(path: Path) -> None:
    """A store as the first release made it, with one open finding."""
    old = finding()
    row = {k: v for k, v in columns(old).items() if k != "accepted"}
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA.scripts[0])
        connection.execute(f"INSERT INTO findings ({names}) VALUES ({values})", row)
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
    one = SuppressionRecord(
        id="x_a",
        check=finding().check,
        site="eu-west",
        until=date(2026, 12, 1),
        reason="why",
        by="ann",
        created=NOW,
    )
    await store.transact(lambda ledger: ledger.fleet.replace_checks([info]))
    assert await store.read(lambda ledger: ledger.findings.page(FindingsRequest())) == (
        [finding()],
        1,
    )

    def found(ledger: Ledger) -> list[tuple[str, int]]:
        return [
            (state, ledger.findings.page(FindingsRequest(state=state))[1])
            for state in ("open", "accepted", "all")
        ]

    await store.transact(lambda ledger: suppressions.record(ledger, [one], NOW))
    assert await store.read(found) == [("open", 0), ("accepted", 1), ("all", 1)]
    end = datetime(2026, 12, 2, tzinfo=UTC)
    await store.transact(lambda ledger: suppressions.end_due(ledger, end))
    assert await store.read(found) == [("open", 1), ("accepted", 0), ("all", 1)]
    ((record,), _) = await store.read(lambda ledger: ledger.findings.page(FindingsRequest()))
    assert (record, record.state) == (finding(), FindingState.OPEN)
    await store.close()
