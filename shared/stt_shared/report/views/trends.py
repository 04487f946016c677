"""Findings for each day as a table, and the time to fix for each severity."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.history import Numbers, TrendDay, TrendsReply
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid

COLUMNS = (
    Column("DAY"),
    *(Column(str(severity).upper(), right=True) for severity in Severity),
    Column("OPENED", right=True),
    Column("FIXED", right=True),
)


def trend_grid(days: Iterable[TrendDay]) -> Grid:
    """One line for each day: open findings by severity at its end, opened and fixed findings."""
    rows = (
        (
            Cell(day.day.isoformat()),
            *(Cell(str(getattr(day.open, severity)), str(severity)) for severity in Severity),
            Cell(_sum(day.opened)),
            Cell(_sum(day.resolved)),
        )
        for day in days
    )
    return Grid(COLUMNS, tuple(rows))


def _sum(numbers: Numbers) -> str:
    return str(numbers.critical + numbers.major + numbers.trivial)


def fix_lines(reply: TrendsReply) -> list[str]:
    """A line for each severity with fixed findings."""
    lines: list[str] = []
    for one in reply.fix_times:
        half, most = (readable.span(timedelta(seconds=s or 0)) for s in (one.median_s, one.p90_s))
        times = f"half of them within {half}, nine of ten in {most}"
        if one.fixed:
            lines.append(f"{one.severity}: {one.fixed} fixed, {times}")
    return lines
