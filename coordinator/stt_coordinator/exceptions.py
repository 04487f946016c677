"""Exceptions entered, changed, ended and revoked: each in one transaction with what it does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from stt_coordinator import events
from stt_coordinator.domain.suppression import (
    Judge,
    end_of,
    events_between,
    scope_of,
)
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.exceptions import ExceptionEvent, ExceptionRecord
from stt_shared.protocol.messages import FindingEvent, FindingRecord
from stt_shared.protocol.words import ExceptionPhase, FindingState

LIMIT = 100  # exceptions a transaction


def in_scope(ledger: Ledger, one: ExceptionRecord) -> list[FindingRecord]:
    """The findings that it is for and that are not resolved."""
    if one.finding:
        records = ledger.findings_by_id([one.finding])
        return [record for record in records if record.state is not FindingState.RESOLVED]
    records = ledger.findings_of_check(one.check)
    if one.target:
        return [record for record in records if record.target == one.target]
    if one.site:
        return [record for record in records if record.site == one.site]
    targets = ledger.targets({record.target for record in records})
    key, _, value = one.label.partition("=")
    labelled = {name for name, row in targets.items() if row.labels.get(key) == value}
    return [record for record in records if record.target in labelled]


def number_in_scope(ledger: Ledger, one: ExceptionRecord) -> int:
    """How many findings it is for, without those of targets that are gone."""
    records = in_scope(ledger, one)
    gone = {name for name, row in ledger.targets({r.target for r in records}).items() if row.gone}
    return sum(record.target not in gone for record in records)


def rival(ledger: Ledger, one: ExceptionRecord) -> ExceptionRecord | None:
    """The live exception with the same scope that it would take the place of."""
    live = ledger.live_exceptions([one.target])
    scope = scope_of(one)
    return next((two for two in live if two.id != one.id and scope_of(two) == scope), None)


def enter(ledger: Ledger, one: ExceptionRecord, now: datetime) -> str:
    """Enter a new exception, or another content of one; the id of the one it replaces."""
    other = rival(ledger, one)
    phase = ExceptionPhase.CHANGED if ledger.exception(one.id) else ExceptionPhase.CREATED
    if other is not None:
        over = msgspec.structs.replace(
            other,
            revoked=now,
            revoked_by=one.imported_by or one.by,
            revoked_reason=f"replaced by {one.id}",
        )
        _put(ledger, over, ExceptionPhase.REVOKED, now)
    _put(ledger, one, phase, now)
    review(ledger, in_scope(ledger, one), now)
    return other.id if other is not None else ""


def revoke(
    ledger: Ledger, one: ExceptionRecord, now: datetime, by: str, reason: str
) -> ExceptionRecord:
    """Let it hold no more."""
    over = msgspec.structs.replace(one, revoked=now, revoked_by=by, revoked_reason=reason)
    _put(ledger, over, ExceptionPhase.REVOKED, now)
    review(ledger, in_scope(ledger, over), now, by=by, reason=reason)
    return over


def look_after(ledger: Ledger, now: datetime) -> int:
    """Remind of exceptions that end soon and end those that are over; how many, at most LIMIT."""
    due = ledger.exceptions_due(now, LIMIT)
    for one in due:
        end = end_of(one)
        if end is not None and end > now:
            told = msgspec.structs.replace(one, reminded=now)
            _put(ledger, told, ExceptionPhase.ENDING, now)
            continue
        over = msgspec.structs.replace(one, ended=now)
        _put(ledger, over, ExceptionPhase.ENDED, now)
        reason = f"exception {one.id} ended with {one.until}"
        review(ledger, in_scope(ledger, over), now, reason=reason)
    return len(due)


def _put(ledger: Ledger, one: ExceptionRecord, phase: ExceptionPhase, now: datetime) -> None:
    ledger.put_exceptions([one])
    event = ExceptionEvent(
        phase=phase, at=now, exception=one, findings=number_in_scope(ledger, one)
    )
    ledger.add_outgoing([events.of_exception(event)])


def relabelled(ledger: Ledger, targets: Collection[str], now: datetime) -> None:
    """Judge the findings of targets anew whose labels are others than before."""
    if targets:
        review(ledger, ledger.findings_of(targets), now, reason="the labels of its target changed")


def review(
    ledger: Ledger,
    records: Iterable[FindingRecord],
    now: datetime,
    *,
    by: str = "",
    reason: str = "",
) -> None:
    """Enter these findings as the exceptions of now let them count, and tell what changed."""
    there = [record for record in records if record.state is not FindingState.RESOLVED]
    targets = ledger.targets({record.target for record in there})
    labels = {name: row.labels for name, row in targets.items()}
    # Also of targets that the store has forgotten.
    names = {record.target for record in there}
    judge = Judge(ledger.live_exceptions(names), labels, now)
    changed: list[FindingRecord] = []
    told: list[FindingEvent] = []
    for before in there:
        after = judge.judged(before)
        if after != before:
            changed.append(after)
            told.extend(events_between(before, after, now, by=by, reason=reason))
    ledger.put_findings(changed)
    ledger.add_events(told)
    ledger.add_outgoing(map(events.of_finding, told))
