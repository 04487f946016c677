"""Changes of findings, one line each, and the targets that were not checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.text import Text

from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.enums import Change
from stt_shared.protocol.records import FindingEvent
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid
from stt_shared.report.theme import clean, mark
from stt_shared.report.views.finding import change_words
from stt_shared.report.views.table import finding_text, severity_cell

SIGNS = {
    Change.OPENED: "+",
    Change.REOPENED: "+",
    Change.RESOLVED: "-",
    Change.CHANGED: "~",
    Change.ACCEPTED: "~",
    Change.UNACCEPTED: "+",
}
STYLES = {
    Change.OPENED: "fail",
    Change.REOPENED: "fail",
    Change.RESOLVED: "ok",
    Change.UNACCEPTED: "fail",
}
NAMES = {
    Change.OPENED: "new",
    Change.REOPENED: "back",
    Change.RESOLVED: "fixed",
    Change.CHANGED: "changed",
    Change.ACCEPTED: "accepted",
    Change.UNACCEPTED: "no longer accepted",
}
IN_WORDS = (Change.CHANGED, Change.ACCEPTED, Change.UNACCEPTED)  # shown with details
COLUMNS = (
    Column(""),
    Column("SEVERITY"),
    Column("CHECK", shorten=True),
    Column("DATABASE", shorten=True),
    Column("SITE"),
    Column("WHEN"),
    Column("WHAT", shorten=True),
    Column("FOUND", shorten=True),
)


def changes_grid(changes: Iterable[FindingEvent], now: datetime) -> Grid:
    """One line for each change, in the given order."""
    rows = (
        (
            Cell(SIGNS[event.change], STYLES.get(event.change, "warn")),
            severity_cell(event.after.severity),
            Cell(event.after.check),
            Cell(event.after.target, "name"),
            Cell(event.after.site),
            Cell(readable.moment(event.at, now), piped=readable.rfc3339(event.at)),
            Cell(_what(event)),
            Cell(finding_text(event.after.object, event.after.summary)),
        )
        for event in changes
    )
    return Grid(COLUMNS, tuple(rows))


def _what(event: FindingEvent) -> str:
    return change_words(event) if event.change in IN_WORDS else NAMES[event.change]


def change_line(event: FindingEvent) -> Text:
    """One change as a line of a live view."""
    after = event.after
    line = Text().append(f"{event.at.astimezone(UTC):%H:%M:%S} UTC  ", "hint")
    line.append(f"{SIGNS[event.change]} ", STYLES.get(event.change, "warn"))
    line.append(f"{mark(after.severity)} {after.severity:<9}", str(after.severity))
    line.append(f"  {clean(after.check)}  ").append(clean(after.target), "name")
    rest = f"  {after.site}  {_what(event)}  {finding_text(after.object, after.summary)}"
    return line.append(clean(rest))


def unchecked_lines(unchecked: Iterable[UncheckedTarget], now: datetime) -> list[str]:
    """A line for each target that was not checked in the last run, with its last answer."""
    return [
        f"? {one.target} not checked ({readable.kind(one.kind)}), {last_answer(one, now)}:"
        " its findings are kept"
        for one in unchecked
    ]


def last_answer(one: UncheckedTarget, now: datetime) -> str:
    """The age of the last answer of an unchecked target, e.g. `last answer 3 d ago`."""
    if one.last_checked is None:
        return "never answered"
    return f"last answer {readable.span(now - one.last_checked)} ago"


def changes_total(changes: Iterable[FindingEvent], unchecked: int) -> str:
    """The last line of a diff, e.g. `1 new, 5 fixed, 1 database not checked`."""
    amounts = Counter(event.change for event in changes)
    parts = [f"{amounts[change]} {name}" for change, name in NAMES.items() if amounts[change]]
    if unchecked:
        parts.append(f"{readable.number(unchecked, 'database')} not checked")
    return ", ".join(parts) or "nothing changed"
