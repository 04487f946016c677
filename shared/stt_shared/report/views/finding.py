"""One finding in full: summary, description, remediation, evidence and history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stt_shared.protocol.enums import Change, FindingState, Outcome
from stt_shared.protocol.findings import FindingReply
from stt_shared.protocol.records import FindingEvent
from stt_shared.report import readable
from stt_shared.report.grid import GAP
from stt_shared.report.remedy import paragraphs
from stt_shared.report.theme import clean, mark
from stt_shared.report.views.suppressions import accepted

LABEL_WIDTH = 11
MAX_EVIDENCE_ROWS = 20
MAX_HISTORY = 8
MAX_PARTS = 5  # databases named


def finding_block(reply: FindingReply, now: datetime) -> list[RenderableType]:
    """The paragraphs of `stt findings show`."""
    finding = reply.finding
    body = Table.grid(padding=0)
    body.add_column(width=LABEL_WIDTH, style="head")
    body.add_column(overflow="fold")
    for label, content in _paragraphs(reply, now):
        body.add_row(label, content)
    title = Text().append(f"{mark(finding.severity)} {finding.severity}", str(finding.severity))
    title.append(f"  {clean(finding.summary)}", style="bold")
    title.append(f"   {clean(finding.check)}   {finding.id}", style="hint")
    known = [readable.server(reply.facts)] if reply.facts else [readable.FAMILIES[finding.family]]
    known.append(f"site {finding.site}")
    known.extend(f"{key} {value}" for key, value in sorted(finding.labels.items()))
    life = f"failing since {readable.moment(finding.since or finding.first_seen, now)}"
    if finding.state is FindingState.RESOLVED and finding.resolved_at:
        life = f"resolved {readable.moment(finding.resolved_at, now)}"
    where = Text().append(clean(finding.target), "name")
    where.append(clean(f" ({', '.join(known)}), ") + life)
    return [title, where, Text(), body]


def _paragraphs(reply: FindingReply, now: datetime) -> Iterator[tuple[str, RenderableType]]:
    finding = reply.finding
    if finding.object:
        yield "Found", Text(clean(finding.object))
    if finding.evidence:
        yield ("" if finding.object else "Found"), _evidence(finding.evidence)
    if finding.accepted is not None:
        yield "Accepted", Text(clean(accepted(finding.accepted, now)))
        yield "", Text(f"End it: stt unaccept {finding.accepted.exception}", style="hint")
    if finding.said_severity is not None:
        text = f"{finding.said_severity} from the check, overridden at site {finding.site}"
        yield "Severity", Text(clean(text))
    if finding.description:
        yield "Why", Text(clean(finding.description, keep="\n"))
    yield from _linked(reply)
    for one in paragraphs(finding):
        yield one.label, Text(clean(one.text, keep="\n"), style="ok" if one.is_code else "")
    if finding.read_more_url:
        yield "Read more", Text(clean(finding.read_more_url))
    is_open = finding.state is not FindingState.RESOLVED
    if is_open and (reply.outcome is not Outcome.FAILED or reply.parts_not_checked):
        yield "Last run", Text(_not_confirmed(reply, now), style="warn")
    if reply.history:
        yield "History", Text(history(reply.history, now))
    # With the checks of what it implies: where it is gone, that is still looked for.
    checks = dict.fromkeys((finding.check, *(one.check for one in finding.implies)))
    named = ",".join(checks)
    yield "Again", Text(clean(f"stt run --target {finding.target} --check {named} --wait"))


def _linked(reply: FindingReply) -> Iterator[tuple[str, RenderableType]]:
    """The findings of other checks that state the same fact."""
    named = [("Part of", reply.part_of)] if reply.part_of is not None else []
    for label, one in [*named, *(("Implies", one) for one in reply.implies)]:
        yield label, Text(clean(f"{one.check} {one.object}   {one.id}".rstrip()))


def _not_confirmed(reply: FindingReply, now: datetime) -> str:
    why = readable.kind(reply.kind, reply.reason) or readable.parts(
        reply.parts_not_checked, MAX_PARTS
    )
    text = f"{reply.outcome} ({clean(why)})" if why else str(reply.outcome)
    return f"{text}; last confirmed {readable.moment(reply.finding.last_confirmed, now)}"


def _evidence(rows: Iterable[Mapping[str, object]]) -> RenderableType:
    shown = list(rows)
    names = list(dict.fromkeys(name for row in shown for name in row))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="hint")
    for name in names:
        table.add_column(Text(clean(str(name))), overflow="fold")
    for row in shown[:MAX_EVIDENCE_ROWS]:
        table.add_row(*(Text(value_text(row.get(name))) for name in names))
    if len(shown) <= MAX_EVIDENCE_ROWS:
        return table
    table.add_row(Text(f"... {readable.more(len(shown) - MAX_EVIDENCE_ROWS)}"))
    return Padding(table, 0)


def value_text(value: object) -> str:
    """A value of evidence: a text as it is, everything else as JSON."""
    return clean(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def history(events: Iterable[FindingEvent], now: datetime) -> str:
    """The newest changes of a finding in one line, oldest first."""
    shown = list(events)[-MAX_HISTORY:]
    return " | ".join(f"{readable.moment(event.at, now)} {change_words(event)}" for event in shown)


def change_words(event: FindingEvent) -> str:
    """The change of an event as text, e.g. `major to critical`."""
    if event.change is Change.CHANGED and event.before is not None:
        if event.before.severity is not event.after.severity:
            return f"{event.before.severity} to {event.after.severity}"
        return "texts changed"
    if event.change is Change.ACCEPTED and event.after.accepted is not None:
        return f"accepted {accepted(event.after.accepted, event.at)}"
    if event.change is Change.UNACCEPTED:
        who = f" by {event.by}" if event.by else ""
        return f"no longer accepted{who}" + (f": {event.reason}" if event.reason else "")
    return str(event.change)
