"""What the life of a target changes in the store: evidence, findings, jobs and events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import TargetRecord, WorkerRecord
from stt_coordinator.domain.summary import end_of_site
from stt_coordinator.domain.target_life import (
    TargetChanges,
    absent,
    target_event,
    without_workers,
)
from stt_coordinator.ledger import event_messages
from stt_coordinator.ledger.answers import AnswerRecorder, give_up
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.enums import Change, FindingState, Kind, Outcome, TargetPhase
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import FindingEvent, FindingRecord, TargetEvent
from stt_shared.report import readable

MAX_GONE = 1_000_000  # looked at; a fleet has fewer targets
MAX_ABSENT = 200  # forgotten in one transaction: ingest waits while one is open


def apply_changes(ledger: Ledger, changes: TargetChanges, now: datetime) -> None:
    """Store changed targets and their events; what was learned of moved ones is void."""
    ledger.locks.targets({*changes.moved, *(row.target for row in changes.targets)})
    # Before the new rows are stored: afterwards nobody knows which sites the targets left.
    left = {row.site for row in ledger.fleet.targets(changes.moved).values()}
    ledger.fleet.put_targets(sorted(changes.targets, key=lambda row: row.target))
    if changes.moved:
        end_summaries(ledger, left, now)
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


def forget_targets(
    ledger: Ledger, rows: Iterable[TargetRecord], now: datetime, *, by: str, reason: str
) -> None:
    """Delete targets and what was learned of them; their findings are resolved, with who and why.

    A worker that announces such a target again makes it a new one.
    """
    left = {row.target: row for row in rows}
    # Before anything is deleted: an ingester could still add to what goes.
    ledger.locks.targets(left)
    ledger.fleet.drop_targets(left)
    # After the targets are gone: a site is empty only then.
    end_summaries(ledger, {row.site for row in left.values()}, now)
    ledger.outcomes.forget(left)
    open_ones = [
        one for one in ledger.findings.of_targets(left) if one.state is not FindingState.RESOLVED
    ]
    resolve(ledger, open_ones, now, by=by, reason=reason or "the database was forgotten")
    end_jobs(ledger, left, now, "the database was forgotten")
    events = [
        target_event(TargetPhase.FORGOTTEN, row, now, by=by, reason=reason) for row in left.values()
    ]
    add_events(ledger, events)


def forget_absent(
    ledger: Ledger, now: datetime, mark: datetime, grace: timedelta
) -> tuple[str, ...]:
    """Forget discovered targets that are gone for longer than `grace`; returns those it was.

    MAX_ABSENT at a time. `mark` is the instant that ages count from; where none is due, and none
    is absent that was not before, nothing is written.
    """
    begins, over = absent(ledger.fleet.gone(MAX_GONE), mark, grace)
    over = over[:MAX_ABSENT]
    if begins:
        ledger.locks.targets([row.target for row in begins])
        ledger.fleet.put_targets(begins)
    if over:
        hours = readable.span(grace)
        why = f"it was discovered, and no worker has announced it for {hours}"
        forget_targets(ledger, over, now, by="", reason=why)
    return tuple(row.target for row in over)


def add_events(ledger: Ledger, events: Iterable[TargetEvent]) -> None:
    """Put events of targets into the outbox."""
    ledger.outbox.add(map(event_messages.of_target, events))


def end_summaries(ledger: Ledger, sites: Collection[str], now: datetime) -> None:
    """Publish the last summary of those of `sites` that have no target any more.

    In the transaction that took the last one: later nobody would know that the site had any.
    """
    empty = set(sites) - {row.site for row in ledger.fleet.all_targets()}
    state = ledger.fleet.control_state() or ControlState()
    last = (end_of_site(site, state, now) for site in sorted(empty))
    ledger.outbox.add(map(event_messages.of_summary, last))


def without(
    ledger: Ledger, workers: Iterable[WorkerRecord]
) -> list[tuple[TargetRecord, TargetRecord]]:
    """Each target that changes when these workers are forgotten, before and after."""
    members = {(one.site, one.worker) for one in workers}
    pairs = ((row, without_workers(row, members)) for row in ledger.fleet.all_targets())
    return [(old, new) for old, new in pairs if new is not old]


def forget_workers(
    ledger: Ledger, workers: Iterable[WorkerRecord], now: datetime, *, by: str, reason: str
) -> list[str]:
    """Delete workers; returns the targets that are gone from now on: no other one announces them.

    In one pass through the targets: with 200,000 of them one for each worker takes hours.
    """
    left = list(workers)
    changed = without(ledger, left)
    ledger.fleet.put_targets(new for _, new in changed)
    ledger.fleet.drop_workers([one.worker for one in left])
    gone = newly_gone(changed)
    events: list[TargetEvent] = []
    members = {(one.site, one.worker) for one in left}
    for old, new in gone:
        names = [worker for worker in old.workers if (old.site, worker) in members]
        of = f"its worker {names[0]} was" if len(names) == 1 else f"its {len(names)} workers were"
        why = f"{of} forgotten{': ' if reason else ''}{reason}"
        events.append(target_event(TargetPhase.GONE, new, now, by=by, reason=why))
    add_events(ledger, events)
    return [new.target for _, new in gone]


def newly_gone(
    changed: Iterable[tuple[TargetRecord, TargetRecord]],
) -> list[tuple[TargetRecord, TargetRecord]]:
    """Those of `changed` that are gone afterwards and were not before."""
    return [(old, new) for old, new in changed if new.gone and not old.gone]


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
