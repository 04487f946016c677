"""A copied store is the same store: every row, every position, the same answers, both ways."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from stt_coordinator.store.copying import sqlite
from stt_coordinator.store.copying.report import CopyReport
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.results import RawResult
from stt_coordinator.store.postgresql import schema
from stt_coordinator.store.postgresql.store import open_store as open_postgresql
from stt_coordinator.store.sqlite.file import backup as copies
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store as open_sqlite
from tests.support.coordinator.copied_stores import RESULTS, WITHOUT_ROWS, copied
from tests.support.coordinator.store_rows import NOW, finding, opened
from tests.support.coordinator.twins import Fleet, questions

SAME = 11  # seed of the questions
COLUMNS = """
SELECT table_name || '.' || column_name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'stt' AND table_type = 'BASE TABLE' AND table_name <> 'schema_version'
"""


def digests(report: CopyReport) -> dict[str, tuple[int, str]]:
    return {one.table: (one.rows, one.digest) for one in report.tables}


async def answers(store: Store) -> list[object]:
    fleet = Fleet(SAME)
    fleet.random = random.Random(SAME)  # noqa: S311  # no secret
    return [await store.read(question) for question in questions(fleet)]


async def test_a_store_goes_to_postgresql_and_back_and_is_the_same(
    state: Path, database: str, tmp_path: Path
) -> None:
    there = copied(state, database)
    back = copied(database, tmp_path / "back")
    # In PostgreSQL's form of a row: NUL characters are gone in both.
    assert digests(there) == digests(back)
    assert there.store == back.store
    # All but the id of the store, which a copy has from its beginning.
    assert there.rows - 1 == there.copied == back.copied
    stores: list[Store] = [
        await open_sqlite(state),
        await open_postgresql(database),
        await open_sqlite(tmp_path / "back"),
    ]
    assert {store.identity for store in stores} == {there.store}
    assert [await store.epoch() for store in stores] == [7, 7, 7]
    wanted, *found = [await answers(store) for store in stores]
    assert found == [wanted, wanted]
    for store in stores:
        await store.close()


async def test_every_column_of_both_databases_is_copied(state: Path, database: str) -> None:
    report = copied(state, database)
    with closing(sqlite3.connect(state / FILE)) as connection:
        ours = sqlite.SqliteSource(connection, state).tables()
    with psycopg.connect(database) as session:
        stored = {name for (name,) in session.execute(COLUMNS)}
    assert stored == {f"{name}.{one}" for name, table in ours.items() for one in table.columns}
    assert {one.table for one in report.tables if not one.rows} == WITHOUT_ROWS
    assert report.version == SCHEMA.version == schema.newest()


async def test_no_position_is_given_twice_and_workers_go_on_behind_their_watermarks(
    state: Path, database: str, tmp_path: Path
) -> None:
    def write(ledger: Ledger) -> tuple[int, int, list[bool], list[int]]:
        ledger.history.add([opened(finding("f_new"))])
        raws = [
            RawResult(
                worker="w1",
                epoch="e1",
                sequence=at,
                job_id="j",
                received=NOW,
                data=b"",
                content="c",
            )
            for at in (RESULTS - 1, RESULTS)
        ]
        return (
            ledger.history.last_position(),
            ledger.runs.next_number(),
            ledger.results.add(raws),
            [mark.sequence for mark in ledger.results.watermarks()],
        )

    with closing(sqlite3.connect(state / FILE)) as connection, connection:
        connection.execute("DELETE FROM history WHERE position > 9")
    copied(state, database)
    copied(database, tmp_path / "back")
    found: list[tuple[int, int, list[bool], list[int]]] = []
    stores: list[Store] = [
        await open_sqlite(state),
        await open_postgresql(database),
        await open_sqlite(tmp_path / "back"),
    ]
    for store in stores:
        found.append(await store.transact(write))
        await store.close()
    position, _, is_new, marks = found[0]
    assert found == [found[0]] * 3
    assert position > 10  # those behind 9 were deleted, and readers remember them
    assert is_new == [False, True]
    assert marks == [RESULTS - 1]


async def test_characters_that_postgresql_does_not_store_are_named(
    state: Path, database: str, tmp_path: Path
) -> None:
    report = copied(state, database)
    replaced = {one.table: one.replaced for one in report.tables if one.replaced}
    assert replaced == {"rejected": {"reason": 2}}
    assert not any(one.replaced for one in copied(database, tmp_path / "back").tables)
    with psycopg.connect(database) as session:
        found = session.execute("SELECT reason FROM stt.rejected ORDER BY position").fetchall()
    assert found == [("é",), ("\ufffd",), ("é",), ("\ufffd",)]


async def test_a_copy_again_compares_and_writes_nothing(state: Path, database: str) -> None:
    first, again = copied(state, database), copied(state, database)
    assert digests(first) == digests(again)
    assert (again.copied, again.rows) == (0, first.rows)


async def test_a_backup_is_copied_without_its_folder(
    state: Path, database: str, tmp_path: Path
) -> None:
    store = await open_sqlite(state)
    made = copies.backup(state, tmp_path / "monday.db")
    report = copied(made.path, database)  # a coordinator uses the store, but not its backup
    await store.close()
    assert (report.source, report.store) == (str(made.path), store.identity)
    assert copied(database, tmp_path / "tuesday.db").target == str(tmp_path / "tuesday.db")


async def test_tables_of_the_copy_have_statistics(state: Path, database: str) -> None:
    copied(state, database)
    with psycopg.connect(database) as session:
        found = session.execute(
            "SELECT reltuples FROM pg_class WHERE oid = 'stt.findings'::regclass"
        ).fetchone()
    assert found == (60.0,)
