"""Stores to be copied: every table has rows, with all that is hard to copy."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import psycopg

from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import Confirmation, Order, WorkerRecord
from stt_coordinator.domain.time.clocks import ClockRecord, Reading
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.copying import places
from stt_coordinator.store.copying.report import CopyReport
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.access import StoredSession
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_coordinator.store.sqlite.store import SqliteStore, open_store
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.messages import ControlState, Watermark
from tests.support.coordinator.postgresql_stores import url
from tests.support.coordinator.store_rows import HOUR, NOW, entry, finding, opened
from tests.support.coordinator.twins import Fleet

SEED = 7
RESULTS = 40
# Never written by a coordinator of this release.
WITHOUT_ROWS = frozenset({"upgrades"})


def fill(ledger: Ledger) -> None:
    """Rows for every table; the last ones of the outbox are deleted again."""
    Fleet(SEED).fill(ledger)
    confirmed = Confirmation(
        run_id="r1", started=NOW, finished=NOW, order=Order(1, 1), findings=("f_closed",)
    )
    ledger.outcomes.confirm({"t1": [confirmed]})
    closed = finding("f_closed", since=NOW - timedelta(hours=2))
    ledger.history.add([opened(closed)])
    ledger.results.add(
        [
            RawResult(
                worker="w1",
                epoch="e1",
                sequence=at,
                job_id="j",
                received=NOW,
                data=b"\0\xff",
                content="c",
            )
            for at in range(1, RESULTS)
        ]
    )
    ledger.results.put_watermarks([Watermark(worker="w1", epoch="e1", sequence=RESULTS - 1)], NOW)
    ledger.results.add_rejected(
        Rejected(code=f"c{at}", reason="\0" if at % 2 else "é", subject="s", at=NOW, data=b"\0")
        for at in range(4)
    )
    ledger.audit.add(map(entry, range(3)))
    ledger.outbox.add(Outgoing(subject="s", message_id=str(at), data=b"{}") for at in range(9))
    ledger.outbox.drop([one.position for one in ledger.outbox.oldest(99)][5:])
    ledger.runs.put_slot("standard", NOW)
    ledger.runs.next_number()
    ledger.history.put_cursor("mail", 3)
    ledger.fleet.put_control_state(ControlState(enabled=True, since=NOW, by="ann"), 7)
    ledger.fleet.put_leader_report(LeaderReport(degraded=("é",)))
    ledger.access.add_session(StoredSession("d", "h", NOW), NOW - HOUR)
    ledger.access.add_failure(NOW, "10.0.0.1")
    ledger.access.put_form_key("k")
    ledger.fleet.put_workers(
        [
            WorkerRecord(
                worker="w1",
                site="eu",
                state="up",
                version="1",
                started=NOW,
                last_heard=NOW,
                targets=1,
            )
        ]
    )
    reading = Reading(wall=NOW, broker=NOW, uptime_s=1, boot="b")
    ledger.retention.put_clock(ClockRecord(reading=reading, mark=NOW))


async def filled(folder: Path) -> SqliteStore:
    """A SQLite store with rows in every table, which stays open."""
    store = await open_store(folder)
    await store.transact(fill)
    await store.probe_write()
    await store.begin(7)
    return store


def fresh_database(server: Running) -> str:
    """The URL of a new database: a copy is made in the schema that coordinators use."""
    name = f"copy_{secrets.token_hex(6)}"
    with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    return url(server, name)


def drop_database(server: Running, of: str) -> None:
    """Drop a database that `fresh_database` made."""
    name = of.rpartition("/")[2]
    with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def copied(source: Path | str, target: Path | str) -> CopyReport:
    """Copy without showing progress."""
    return places.copied(str(source), str(target), lambda _done, _total: None)
