"""Stores of every level of the schema, written by the code of their time, in today's hands."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.store.sqlite import store as sqlite
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker
from stt_shared.errors import ConfigError
from stt_worker.outbox import sqlite as outbox_file
from tests.support.coordinator import stores
from tests.support.coordinator.coordination import running
from tools import record_stores

FILES = {"coordinator": FILE, "outbox": outbox_file.FILE}
SCHEMAS = {"coordinator": SCHEMA, "outbox": outbox_file.SCHEMA}
RECORDED = [(what, level) for what in SCHEMAS for level in sorted(stores.recorded(what))]
COORDINATORS = sorted(stores.recorded("coordinator"))
WRITES_THEM = "run `python -m tools.record_stores` and commit what it wrote"
# One migration more than there is, and its process dies in the middle of it.
DYING = """
import asyncio, dataclasses, importlib, os, signal, sqlite3, sys
from pathlib import Path
what, opens, folder = sys.argv[1:]
module = importlib.import_module(what)
connect = sqlite3.connect
def connected(*args, **kwargs):
    made = connect(*args, **kwargs)
    made.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
    return made
sqlite3.connect = connected
scripts = (*module.SCHEMA.scripts, "CREATE TABLE half (one TEXT);\\nSELECT die();")
module.SCHEMA = dataclasses.replace(module.SCHEMA, scripts=scripts)
asyncio.run(getattr(module, opens)(Path(folder)))
"""
OPENS = {"coordinator": (sqlite, "open_store"), "outbox": (outbox_file, "open_outbox")}


def store_of(what: str, level: int, folder: Path) -> Path:
    """The store of that level, made in `folder`."""
    store = folder / FILES[what]
    stores.make(stores.recorded(what)[level], store)
    return store


async def opened_and_closed(what: str, folder: Path) -> None:
    module, opens = OPENS[what]
    await (await getattr(module, opens)(folder)).close()


def held(store: Path) -> tuple[object, ...]:
    return stores.version(store), stores.schema(store), stores.rows(store)


def lacking(old: Any, new: Any, place: str = "") -> list[str]:
    """Where `new` lacks a value of `old`; it may have more, also where `old` has null."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            what
            for key in old
            for what in (
                lacking(old[key], new[key], f"{place}.{key}") if key in new else [f"{place}.{key}"]
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [what for n, (a, b) in pairs for what in lacking(a, b, f"{place}[{n}]")]
    return [] if old in (new, None) else [f"{place}: {old!r} became {new!r}"]


@pytest.mark.parametrize("what", SCHEMAS)
def test_a_migration_comes_with_a_store_of_its_level(what: str) -> None:
    missing = set(range(1, SCHEMAS[what].version + 1)) - stores.recorded(what).keys()
    assert not missing, f"no {what} of level {sorted(missing)}: {WRITES_THEM}"


@pytest.mark.parametrize(("what", "level"), RECORDED)
def test_a_migration_that_was_released_is_not_changed(
    what: str, level: int, tmp_path: Path
) -> None:
    store = store_of(what, level, tmp_path)
    made = tmp_path / "made.db"
    with closing(sqlite3.connect(made)) as connection:
        old = replace(SCHEMAS[what], scripts=SCHEMAS[what].scripts[:level])
        connection.executescript(old.upgrade_script(0))
    assert stores.version(store) == level
    assert stores.schema(store) == stores.schema(made)


@pytest.mark.parametrize(("what", "level"), RECORDED)
async def test_an_upgraded_store_has_the_schema_of_a_new_one_and_every_row(
    what: str, level: int, tmp_path: Path
) -> None:
    store = store_of(what, level, tmp_path)
    before = stores.rows(store)
    await opened_and_closed(what, tmp_path)
    fresh = tmp_path / "fresh"
    await opened_and_closed(what, fresh)
    assert stores.schema(store) == stores.schema(fresh / FILES[what])
    assert stores.version(store) == SCHEMAS[what].version
    after = stores.rows(store)
    for table, rows in before.items():
        if table == "sqlite_sequence":
            assert set(rows) <= set(after[table])
        else:
            lost = [
                (old, row)
                for old, row in zip(rows, after[table], strict=True)
                if not all(map(is_kept, old, row[: len(old)]))
            ]
            assert lost == []


def is_kept(before: object, after: object) -> bool:
    """Whether a column is as before; a migration may add fields to a row's JSON."""
    if before == after or not (isinstance(before, bytes) and isinstance(after, bytes)):
        return before == after
    return dict(json.loads(before)).items() <= dict(json.loads(after)).items()


@pytest.mark.parametrize("level", COORDINATORS)
async def test_an_upgraded_coordinator_answers_as_the_one_before_did(
    level: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = stores.answers_of(stores.recorded("coordinator")[level])
    store_of("coordinator", level, tmp_path)
    at = clock.from_text(recorded["at"])
    monkeypatch.setattr(clock, "now", lambda: at)
    store = await sqlite.open_store(tmp_path)
    bus = MemoryBroker().connect()
    async with running(bus, store):
        says = await record_stores.answers(bus)
    await store.close()
    assert recorded["findings"]["total"] == 4
    assert len(recorded["runs"]["runs"]) == 2
    assert lacking(recorded, says) == []


@pytest.mark.parametrize("level", COORDINATORS)
async def test_an_upgraded_coordinator_knows_which_run_was_the_later(
    level: int, tmp_path: Path
) -> None:
    store_of("coordinator", level, tmp_path)
    store = await sqlite.open_store(tmp_path)
    runs = await store.read(lambda ledger: ledger.runs.newest(9))
    pairs = await store.read(lambda ledger: ledger.outcomes.of_targets(["t1", "p1"]))
    targets = await store.read(lambda ledger: ledger.fleet.targets(["t1", "p1"]))
    following = await store.transact(lambda ledger: ledger.runs.next_number())
    await store.close()
    numbers = {run.run_id: run.number for run in runs}
    assert [(run.schedule, run.number) for run in runs] == [("manual", 2), ("enable", 1)]
    assert following == 3
    assert pairs
    assert all(pair.order == (numbers[pair.run_id], 1) == pair.verdict for pair in pairs)
    assert {target.order for target in targets.values()} == {(2, 1)}


@pytest.mark.parametrize("level", COORDINATORS)
async def test_an_upgraded_coordinator_counts_the_days_before(level: int, tmp_path: Path) -> None:
    store = store_of("coordinator", level, tmp_path)
    events = stores.answers_of(stores.recorded("coordinator")[level])["changes"]["changes"]
    await opened_and_closed("coordinator", tmp_path)
    with closing(sqlite3.connect(store)) as connection:
        ((opened, resolved),) = connection.execute("SELECT sum(opened), sum(resolved) FROM daily")
        ((fixes,),) = connection.execute("SELECT sum(number) FROM fixes")
    changes = [event["change"] for event in events]
    assert (opened, resolved, fixes) == (
        changes.count("opened"),
        changes.count("resolved"),
        changes.count("resolved"),
    )


@pytest.mark.parametrize("level", sorted(stores.recorded("outbox")))
async def test_an_upgraded_outbox_sends_what_was_not_sent(level: int, tmp_path: Path) -> None:
    recorded = stores.answers_of(stores.recorded("outbox")[level])
    store_of("outbox", level, tmp_path)
    outbox = await outbox_file.open_outbox(tmp_path)
    rows = [[row.sequence, row.subject, row.message_id] for row in await outbox.pending()]
    assert (outbox.epoch, rows) == (recorded["epoch"], recorded["pending"])
    assert await outbox.finished("standard-1.t0", 1) is not None
    assert await outbox.starts("standard-1.t2", 1) == 1
    await outbox.close()


@pytest.mark.parametrize("what", SCHEMAS)
async def test_a_store_of_a_newer_program_is_refused_in_one_sentence_and_left_alone(
    what: str, tmp_path: Path
) -> None:
    newest = SCHEMAS[what].version
    store = store_of(what, max(stores.recorded(what)), tmp_path)
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(f"PRAGMA user_version = {newest + 1}")
    before = held(store)
    known = f"{store} has version {newest + 1}, this program knows up to {newest}"
    with pytest.raises(ConfigError, match=known) as refused:
        await opened_and_closed(what, tmp_path)
    assert refused.value.hint.startswith("it was made by a newer ")
    assert held(store) == before


@pytest.mark.parametrize(("what", "level"), RECORDED)
async def test_an_upgrade_that_fails_half_way_leaves_the_old_store(
    what: str, level: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(what, level, tmp_path)
    before = held(store)
    newest = SCHEMAS[what].version
    broken = "CREATE TABLE half (one TEXT);\nINSERT INTO nowhere VALUES (1);"
    longer = replace(SCHEMAS[what], scripts=(*SCHEMAS[what].scripts, broken))
    monkeypatch.setattr(OPENS[what][0], "SCHEMA", longer)
    with pytest.raises(ConfigError, match="no such table: nowhere"):
        await opened_and_closed(what, tmp_path)
    assert held(store) == before
    monkeypatch.undo()
    await opened_and_closed(what, tmp_path)
    assert stores.version(store) == newest


@pytest.mark.parametrize("what", SCHEMAS)
async def test_an_upgrade_that_is_killed_half_way_leaves_the_old_store(
    what: str, tmp_path: Path
) -> None:
    store = store_of(what, 1, tmp_path)
    before = held(store)
    module, opens = OPENS[what]
    died = subprocess.run(
        [sys.executable, "-c", DYING, module.__name__, opens, str(tmp_path)],
        check=False,
        capture_output=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert held(store) == before
    await opened_and_closed(what, tmp_path)
    assert stores.version(store) == SCHEMAS[what].version
