"""Findings and unchecked results as tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from stt_shared.protocol.enums import FindingState, Severity
from stt_shared.protocol.records import Acceptance, Counts, FindingRecord
from stt_shared.report import readable
from stt_shared.report.counts import is_not_checked, parts_sentence
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.model import Report
from stt_shared.report.theme import mark
from stt_shared.report.views.suppressions import accepted

COLUMNS = (
    Column("SEVERITY"),
    Column("CHECK", shorten=True),
    Column("DATABASE", shorten=True),
    Column("SITE"),
    Column("SINCE"),
    Column("ID"),
    Column("FOUND", shorten=True),
)
ACCEPTED = (*COLUMNS[:-1], Column("ACCEPTED", shorten=True), COLUMNS[-1])
UNCHECKED = (
    Column("NOT CHECKED", shorten=True),
    Column("CHECK", shorten=True),
    Column("SITE"),
    Column("WHY", whole=True),
)
REFERENCES = (Column("ID"), Column("LABELS", whole=True), Column("READ MORE", whole=True))
SHORT_ID = 8  # characters of an id on a terminal; any unambiguous prefix is accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding in a list."""

    severity: Severity
    check: str
    target: str
    site: str
    since: datetime | None
    text: str
    id: str
    note: str = ""  # shown instead of the age, e.g. resolved
    accepted: Acceptance | None = None


def finding_text(check_object: str | None, summary: str) -> str:
    """The summary of a finding, preceded by the object unless the summary names it."""
    return f"{check_object}: {summary}" if check_object and check_object not in summary else summary


def rows_of_records(records: Iterable[FindingRecord]) -> list[Row]:
    """Rows of stored findings, in the given order."""
    return [
        Row(
            severity=record.severity,
            check=record.check,
            target=record.target,
            site=record.site,
            since=record.since or record.first_seen,
            text=finding_text(record.object, record.summary),
            id=record.id,
            note="resolved" if record.state is FindingState.RESOLVED else "",
            accepted=record.accepted,
        )
        for record in records
    ]


def rows_of_report(report: Report) -> list[Row]:
    """Rows of the open findings of a report: most severe first, then oldest, check and target."""
    rows = [
        Row(
            severity=finding.severity,
            check=result.check,
            target=result.target,
            site=result.site,
            since=finding.since,
            text=finding_text(finding.object, finding.summary),
            id=finding.id,
        )
        for result in report.results
        for finding in result.findings
        if finding.accepted is None
    ]
    return sorted(
        rows,
        key=lambda row: (
            row.severity.rank,
            readable.rfc3339(row.since),
            row.check,
            row.target,
            row.id,
        ),
    )


def severity_cell(severity: Severity) -> Cell:
    """Mark, name and colour; only the name in a pipe."""
    return Cell(f"{mark(severity)} {severity}", str(severity), piped=str(severity))


def findings_grid(rows: Iterable[Row], now: datetime, *, with_accepted: bool = False) -> Grid:
    """One line for each finding; `with_accepted` adds the acceptance."""
    if not with_accepted:
        return Grid(COLUMNS, tuple(_cells(row, now) for row in rows))
    with_why: list[tuple[Cell, ...]] = []
    for row in rows:
        *cells, text = _cells(row, now)
        why = Cell(accepted(row.accepted, now), "hint") if row.accepted else Cell("")
        with_why.append((*cells, why, text))
    return Grid(ACCEPTED, tuple(with_why))


def _cells(row: Row, now: datetime) -> tuple[Cell, ...]:
    return (
        severity_cell(row.severity),
        Cell(row.check),
        Cell(row.target, "name"),
        Cell(row.site),
        Cell(row.note or readable.age(row.since, now), piped=readable.rfc3339(row.since)),
        Cell(row.id[:SHORT_ID], "hint", piped=row.id),
        Cell(row.text),
    )


def references_grid(report: Report) -> Grid:
    """The labels and `read_more_url` of the open findings that have any; most have none."""
    rows = [
        (Cell(one.id, "hint"), Cell(readable.labels(one.labels)), Cell(one.read_more_url))
        for result in report.results
        for one in result.findings
        if one.accepted is None and (one.labels or one.read_more_url)
    ]
    return Grid(REFERENCES, tuple(rows))


def unchecked_grid(report: Report) -> Grid:
    """The unchecked results: one line for each target and reason."""
    rows: list[tuple[Cell, ...]] = []
    for (target, site, why), checks in unchecked_groups(report):
        named = checks[0] if len(checks) == 1 else readable.number(len(checks), "check")
        rows.append((Cell(target, "name"), Cell(named), Cell(site), Cell(why, "warn")))
    return Grid(UNCHECKED, tuple(rows))


def unchecked_groups(report: Report) -> list[tuple[tuple[str, str, str], tuple[str, ...]]]:
    """Targets, sites and reasons with the checks that have no complete verdict for it."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in report.results:
        why = readable.parts(one.parts_not_checked)
        if is_not_checked(one):
            why = readable.kind(one.kind, one.reason) or "no reason given"
        if why:
            groups.setdefault((one.target, one.site, why), []).append(one.check)
    return [(place, tuple(checks)) for place, checks in groups.items()]


def totals(counts: Counts) -> list[Text]:
    """The counts in two lines, each severity with its mark, name and colour."""
    first = Text()
    for severity, amount in (
        (Severity.CRITICAL, counts.critical),
        (Severity.MAJOR, counts.major),
        (Severity.TRIVIAL, counts.trivial),
    ):
        style = str(severity) if amount else "hint"
        first.append(f"{mark(severity)} {amount} {severity}", style=style).append("   ")
    first.rstrip()
    second = Text().append(f"{readable.number(counts.passed, 'check')} passed, ")
    if counts.accepted:
        second.append(f"{counts.accepted} accepted, ")
    if counts.baseline:
        second.append(f"{counts.baseline} in the baseline, ")
    second.append(f"{counts.not_checked} not checked", "warn" if counts.not_checked else "")
    targets = readable.number(counts.targets, "database")
    second.append(f", {counts.targets_checked} of {targets} checked")
    if parts := parts_sentence(counts):
        second.append(", ").append(parts, "warn")
    return [first, second]
