"""Suppressions as text and tables: scope, last day, author and reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from stt_shared.protocol.records import Acceptance
from stt_shared.protocol.suppressions import SuppressionInfo, SuppressionRecord, SuppressionReply
from stt_shared.report import readable
from stt_shared.report.grid import Cell, Column, Grid

COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("FOR", shorten=True),
    Column("UNTIL"),
    Column("FINDINGS", right=True),
    Column("BY", shorten=True),
    Column("SINCE"),
    Column("REASON", whole=True),
)
STYLES = {"live": "ok", "revoked": "hint", "ended": "hint"}
FOR_EVER = "reset"  # the end of an override without a last day


def scope(one: SuppressionRecord) -> str:
    """The scope of a suppression, e.g. `mysql_version at site eu`."""
    if one.finding:
        return f"{one.finding} ({one.check} on {one.target})"
    if one.severity is not None:
        return f"{one.check} at site {one.site} as {one.severity}"
    if one.target:
        return f"{one.check} on {one.target}"
    if one.label:
        return f"{one.check} on label {one.label}"
    return f"{one.check} at site {one.site}"


def end(one: SuppressionRecord, now: datetime) -> str:
    """The last day of a suppression, or what ends it."""
    return readable.date_day(one.until, now) if one.until is not None else FOR_EVER


def accepted(one: Acceptance, now: datetime) -> str:
    """Who accepted a finding, until when and why; or of which baseline it is."""
    if one.baseline:
        return f"in the baseline: {one.reason}"
    return f'by {one.by} until {readable.date_day(one.until, now)}: "{one.reason}"'


def suppressions_grid(infos: Iterable[SuppressionInfo], now: datetime) -> Grid:
    """One line for each suppression."""
    rows: list[tuple[Cell, ...]] = []
    for info in infos:
        one, reason = info.exception, info.exception.reason
        if one.revoked is not None:
            why = f": {one.revoked_reason}" if one.revoked_reason else ""
            reason += f" (revoked by {one.revoked_by or 'nobody known'}{why})"
        rows.append(
            (
                Cell(one.id, "name"),
                Cell(info.state, STYLES.get(info.state, "")),
                Cell(scope(one)),
                Cell(end(one, now), piped=one.until.isoformat() if one.until is not None else ""),
                Cell(str(info.findings) if one.severity is None else ""),
                Cell(one.by),
                Cell(readable.day(one.created, now), piped=readable.rfc3339(one.created)),
                Cell(reason),
            )
        )
    return Grid(COLUMNS, tuple(rows))


def made_sentence(reply: SuppressionReply, now: datetime) -> str:
    """The suppression that was created, or with a dry run would be."""
    one, number = reply.exception, readable.number(reply.findings, "finding")
    until = f"until {end(one, now)}"
    if one.severity is not None:
        counts = "counts" if reply.findings == 1 else "count"
        verb = counts if reply.changed else "would count"
        start = f"{number} {verb} as {one.severity} {until}"
    elif reply.changed:
        start = f"Accepted {number} {until}"
    else:
        start = f"Would accept {number} {until}"
    instead = f", instead of {reply.replaced}" if reply.replaced else ""
    return f"{start} ({one.id}{instead}): {scope(one)}."


def over_sentence(reply: SuppressionReply, *, dry_run: bool) -> str:
    """The suppression that was revoked, would be, or has ended already."""
    one, number = reply.exception, readable.number(reply.findings, "finding")
    counts = "counts" if reply.findings == 1 else "count"
    if dry_run:
        return f"Would revoke {one.id}: {scope(one)}; {number} in its scope."
    if not reply.changed:
        return f"Exception {one.id} is over already: {scope(one)}. Nothing changed."
    return f"Revoked {one.id}: {scope(one)}; {number} {counts} as before it."
