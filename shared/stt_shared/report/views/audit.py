"""The audit record as a table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_shared.protocol.audit import AuditEntry
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid

COLUMNS = (
    Column("TIME"),
    Column("USER", shorten=True),
    Column("ROLE"),
    Column("VIA"),
    Column("ACTION"),
    Column("OBJECT", shorten=True),
    Column("REASON", whole=True),
)


def audit_grid(entries: Iterable[AuditEntry], now: datetime) -> Grid:
    """One line for each change."""
    rows = (
        (
            Cell(readable.moment(one.at, now), piped=readable.rfc3339(one.at)),
            Cell(one.by, "name"),
            Cell(one.role or ""),
            Cell(one.way),
            Cell(one.did),
            Cell(one.what),
            Cell(one.reason),
        )
        for one in entries
    )
    return Grid(COLUMNS, tuple(rows))
