"""What the life of a target changes in the store: evidence, findings, jobs and events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.target_life import TargetChanges
from stt_coordinator.ledger import event_messages
from stt_coordinator.ledger.answers import AnswerRecorder, give_up
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.enums import Change, FindingState, Kind, Outcome
from stt_shared.protocol.records import FindingEvent, FindingRecord


def apply_changes(ledger: Ledger, changes: TargetChanges, now: datetime) -> None:
    """Store changed targets and their events; what was learned of moved ones is void."""
    ledger.fleet.put_targets(changes.targets)
    if changes.moved:
        void_evidence(ledger, {one.target: one for one in changes.targets}, changes.moved, now)
    ledger.outbox.add(map(event_messages.of_target, changes.events))


def void_evidence(
    ledger: Ledger, rows: Mapping[str, TargetRecord], moved: Collection[str], now: datetime
) -> None:
    """Void what was learned of `moved` targets where they were before; `rows` are stored already.

    Their findings stay open at the new site until a check there says otherwise. Those of another
    family are resolved: none of its checks will ever run on the target again.
    """
    ledger.outcomes.forget(moved)
    left: list[FindingRecord] = []
    placed: list[FindingRecord] = []
    for record in ledger.findings.of_targets(moved):
        row = rows[record.target]
        if record.state is not FindingState.RESOLVED and record.family is not row.family:
            left.append(record)
        elif record.site != row.site:
            placed.append(msgspec.structs.replace(record, site=row.site))
    ledger.findings.put(placed)
    resolve(ledger, left, now, reason="the database is of another type now")
    end_jobs(ledger, moved, now, "the database moved to another site, or is of another type")


def resolve(
    ledger: Ledger, records: Iterable[FindingRecord], now: datetime, *, by: str = "", reason: str
) -> None:
    """Resolve findings that no check will report on again, each with its event."""
    events = [
        FindingEvent(
            change=Change.RESOLVED,
            at=now,
            run_id="",
            before=before,
            after=msgspec.structs.replace(before, state=FindingState.RESOLVED, resolved_at=now),
            by=by,
            reason=reason,
        )
        for before in records
    ]
    ledger.findings.put(one.after for one in events)
    ledger.history.add(events)
    ledger.outbox.add(map(event_messages.of_finding, events))


def end_jobs(ledger: Ledger, targets: Collection[str], now: datetime, reason: str) -> None:
    """End the outstanding jobs of targets; a run that waits for them would never finish."""
    # Each pass ends the newest of each target: several may wait for their turn.
    while found := ledger.jobs.outstanding(targets):
        recorder = AnswerRecorder(ledger, found.values(), now)
        for job in found.values():
            give_up(recorder, job, Outcome.ERROR, Kind.NO_WORKER, reason)
        recorder.close()
