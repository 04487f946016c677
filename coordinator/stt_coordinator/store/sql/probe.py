"""Writes the one row that shows whether a store can be written."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.sql.rows import text
from stt_coordinator.store.sql.statements import Connection
from stt_shared import sqlfile

_SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "probe.sql")


def probe_write(connection: Connection, at: datetime) -> None:
    """Write `at`; raises the error of the database.

    The instant changes the row: writing what is there already need not reach the disk.
    """
    connection.execute(_SQL["write"], {"at": text(at)})
