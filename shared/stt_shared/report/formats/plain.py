"""A report as aligned text: findings, unchecked targets, accepted findings, counts."""

from __future__ import annotations

from dataclasses import replace

from stt_shared.report import readable
from stt_shared.report.formats.report_context import ReportContext, acceptance
from stt_shared.report.grid import Cell, Grid, to_lines
from stt_shared.report.theme import clean
from stt_shared.report.views.table import (
    findings_grid,
    references_grid,
    rows_of_report,
    totals,
    unchecked_grid,
)

WIDE = 10_000  # columns; a file is never wrapped or shortened


def text(context: ReportContext) -> str:
    """The report as on a very wide terminal, without colours."""
    report, at = context.report, readable.rfc3339(context.written)
    accepted = [
        clean(f"{entry.result.target}  {entry.result.check}  {entry.text}: {acceptance(one)}")
        for entry in context.accepted
        if (one := entry.finding.accepted) is not None
    ]
    blocks = [
        [clean(f"STT report, run {report.run_id or 'none yet'}, {at}{context.heading}")],
        [f"warning: {clean(gap)}" for gap in context.gaps],
        _lines(findings_grid(rows_of_report(report), context.at)),
        _lines(references_grid(report)),
        _lines(unchecked_grid(report)),
        accepted,
        [line.plain for line in totals(report.summary)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _lines(grid: Grid) -> list[str]:
    """The grid with complete ids and times instead of the short forms of a terminal."""
    rows = tuple(
        tuple(Cell(cell.text if cell.piped is None else cell.piped) for cell in row)
        for row in grid.rows
    )
    return [line.plain for line in to_lines(replace(grid, rows=rows), WIDE)] if rows else []
