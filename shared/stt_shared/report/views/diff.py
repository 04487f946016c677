"""The differences between two runs, one line each, and the number of unchecked targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from stt_shared.protocol.enums import Change
from stt_shared.protocol.queries.history import Difference, DiffReply
from stt_shared.protocol.records import RunRecord
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.views.changes import NAMES, SIGNS, STYLES
from stt_shared.report.views.table import finding_text, severity_cell

COLUMNS = (
    Column(""),
    Column("SEVERITY"),
    Column("CHECK", shorten=True),
    Column("DATABASE", shorten=True),
    Column("SITE"),
    Column("WHAT", shorten=True),
    Column("FOUND", shorten=True),
)


def worst_first(differences: Iterable[Difference]) -> list[Difference]:
    """Most severe first, then by target, check and finding."""
    return sorted(
        differences,
        key=lambda one: (one.finding.severity.rank, one.target, one.check, one.finding.id),
    )


def differences_grid(differences: Iterable[Difference], now: datetime) -> Grid:
    """One line for each difference, in the given order."""
    rows = (
        (
            Cell(SIGNS[one.change], STYLES.get(one.change, "warn")),
            severity_cell(one.finding.severity),
            Cell(one.check),
            Cell(one.target, "name"),
            Cell(one.site),
            Cell(what(one, now)),
            Cell(finding_text(one.finding.object, one.finding.summary)),
        )
        for one in differences
    )
    return Grid(COLUMNS, tuple(rows))


def what(one: Difference, now: datetime) -> str:
    """The difference as text: `new`, `fixed`, `was major`, `accepted by ann until 1 Dec: ..`.

    For an accepted finding the acceptance is shown, whatever else is different.
    """
    parts = [] if one.change is Change.ACCEPTED else [NAMES[one.change]]
    if one.change is Change.CHANGED and one.was is not None:
        parts = [f"was {one.was}"]
    elif one.was is not None:
        parts.append(f"was {one.was}")
    accepted = one.finding.accepted
    if accepted is not None and one.change is not Change.RESOLVED:
        until = readable.date_day(accepted.until, now)
        parts.insert(0, f'accepted by {accepted.by} until {until}: "{accepted.reason}"')
    return ", ".join(parts)


def runs_sentence(before: RunRecord, later: RunRecord, now: datetime) -> str:
    """The compared runs."""
    first, second = (readable.moment(one.started or one.slot, now) for one in (before, later))
    going_on = ", still going on" if later.state == "running" else ""
    return f"From {before.run_id} ({first}) to {later.run_id} ({second}{going_on})"


def differences_total(reply: DiffReply) -> str:
    """The last line, e.g. `1 new, 5 fixed, 1 database not checked`."""
    amounts = Counter(one.change for one in reply.differences)
    parts = [f"{amounts[change]} {name}" for change, name in NAMES.items() if amounts[change]]
    if reply.unchecked:
        parts.append(f"{readable.number(len(reply.unchecked), 'database')} not checked")
    if reply.not_compared:
        parts.append(
            f"{readable.number(reply.not_compared, 'check')} not answered in the later run"
        )
    return ", ".join(parts) or "nothing changed"
