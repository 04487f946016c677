"""Record, change, end and revoke suppressions, each in one transaction with its effects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

import msgspec

from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.suppression import end_of, events_between
from stt_coordinator.ledger import event_messages
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.enums import FindingState, SuppressionPhase
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.protocol.suppressions import SuppressionEvent, SuppressionRecord
from stt_shared.suppression.rule import Scope, Suppressor, scope_of

LIMIT = 100  # suppressions a transaction


class Lookup:
    """Targets, live suppressions and findings for one transaction, each read once.

    A file has hundreds of suppressions, a check thousands of findings.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._by_check: dict[str, list[FindingRecord]] = {}

    @cached_property
    def targets(self) -> Mapping[str, TargetRecord]:
        """Every target, gone ones too."""
        return {row.target: row for row in self._ledger.fleet.all_targets()}

    @cached_property
    def live(self) -> dict[Scope, SuppressionRecord]:
        """The live suppressions by scope."""
        return {scope_of(one): one for one in self._ledger.suppressions.live()}

    def rival(self, one: SuppressionRecord) -> SuppressionRecord | None:
        """The live suppression with the same scope, which `one` would replace."""
        other = self.live.get(scope_of(one))
        return None if other is None or other.id == one.id else other

    def in_scope(self, one: SuppressionRecord) -> list[FindingRecord]:
        """The unresolved findings in the scope of `one`."""
        if one.finding:
            records = self._ledger.findings.by_id([one.finding])
            return [record for record in records if record.state is not FindingState.RESOLVED]
        if one.check not in self._by_check:
            self._by_check[one.check] = self._ledger.findings.of_check(one.check)
        return [record for record in self._by_check[one.check] if self._is_at(record, one)]

    def _is_at(self, record: FindingRecord, one: SuppressionRecord) -> bool:
        if one.target:
            return record.target == one.target
        if one.site:
            return record.site == one.site
        key, _, value = one.label.partition("=")
        row = self.targets.get(record.target)
        return row is not None and row.labels.get(key) == value

    def number(self, one: SuppressionRecord) -> int:
        """How many findings are in the scope of `one`, without those of targets that are gone."""
        rows = (self.targets.get(record.target) for record in self.in_scope(one))
        return sum(row is None or not row.gone for row in rows)


def record(ledger: Ledger, many: Iterable[SuppressionRecord], now: datetime) -> None:
    """Record new suppressions or changed ones; those with the same scope are revoked."""
    lookup = Lookup(ledger)
    touched: dict[str, FindingRecord] = {}
    for one in many:
        other = lookup.rival(one)
        if other is not None:
            over = msgspec.structs.replace(
                other,
                revoked=now,
                revoked_by=one.imported_by or one.by,
                revoked_reason=f"replaced by {one.id}",
            )
            _put(ledger, lookup, over, SuppressionPhase.REVOKED, now)
        known = ledger.suppressions.get(one.id) is not None
        phase = SuppressionPhase.CHANGED if known else SuppressionPhase.CREATED
        _put(ledger, lookup, one, phase, now)
        # For the next one of a file: two with the same scope must not both live.
        lookup.live[scope_of(one)] = one
        touched.update((record.id, record) for record in lookup.in_scope(one))
    # Once, after all of them: a finding in several of these scopes must change only once.
    apply_suppressions(ledger, touched.values(), now)


def revoke(
    ledger: Ledger, one: SuppressionRecord, now: datetime, by: str, reason: str
) -> SuppressionRecord:
    """Revoke a suppression and apply the remaining ones to its findings; returns it revoked."""
    lookup = Lookup(ledger)
    over = msgspec.structs.replace(one, revoked=now, revoked_by=by, revoked_reason=reason)
    _put(ledger, lookup, over, SuppressionPhase.REVOKED, now)
    # After it is stored as revoked: what applies is read anew, and must not contain it.
    apply_suppressions(ledger, lookup.in_scope(over), now, by=by, reason=reason)
    return over


def end_due(ledger: Ledger, now: datetime) -> int:
    """End suppressions that are over and remind of those that end soon.

    Returns how many of both there were, at most LIMIT.
    """
    due = ledger.suppressions.due(now, LIMIT)
    lookup = Lookup(ledger)
    ended: list[SuppressionRecord] = []
    for one in due:
        end = end_of(one)
        if end is not None and end > now:
            events = msgspec.structs.replace(one, reminded=now)
            _put(ledger, lookup, events, SuppressionPhase.ENDING, now)
        else:
            ended.append(msgspec.structs.replace(one, ended=now))
            _put(ledger, lookup, ended[-1], SuppressionPhase.ENDED, now)
    _bring_back(ledger, lookup, ended, now)
    return len(due)


def _bring_back(
    ledger: Ledger, lookup: Lookup, ended: Sequence[SuppressionRecord], now: datetime
) -> None:
    touched = {record.id: record for one in ended for record in lookup.in_scope(one)}
    # First what each of them had accepted: these events name the exception that ended.
    for one in ended:
        mine = [
            touched.pop(id_)
            for id_, record in list(touched.items())
            if record.accepted is not None and record.accepted.exception == one.id
        ]
        apply_suppressions(ledger, mine, now, reason=f"exception {one.id} ended with {one.until}")
    apply_suppressions(ledger, touched.values(), now)


def _put(
    ledger: Ledger, lookup: Lookup, one: SuppressionRecord, phase: SuppressionPhase, now: datetime
) -> None:
    ledger.suppressions.put([one])
    event = SuppressionEvent(phase=phase, at=now, exception=one, findings=lookup.number(one))
    ledger.outbox.add([event_messages.of_suppression(event)])


def apply_to_relabelled(ledger: Ledger, targets: Collection[str], now: datetime) -> None:
    """Apply suppressions again to the findings of targets whose labels changed."""
    if targets:
        apply_suppressions(
            ledger,
            ledger.findings.of_targets(targets),
            now,
            reason="the labels of its target changed",
        )


def apply_suppressions(
    ledger: Ledger,
    records: Iterable[FindingRecord],
    now: datetime,
    *,
    by: str = "",
    reason: str = "",
) -> None:
    """Apply the live suppressions to `records`; what changes is stored and becomes an event."""
    there = [record for record in records if record.state is not FindingState.RESOLVED]
    targets = ledger.fleet.targets({record.target for record in there})
    labels = {name: row.labels for name, row in targets.items()}
    # Also of targets that the store has forgotten.
    names = {record.target for record in there}
    suppressor = Suppressor(ledger.suppressions.live(names), labels)
    changed: list[FindingRecord] = []
    events: list[FindingEvent] = []
    for before in there:
        after = suppressor.apply(before)
        if after != before:
            changed.append(after)
            events.extend(events_between(before, after, now, by=by, reason=reason))
    ledger.findings.put(changed)
    ledger.history.add(events)
    ledger.outbox.add(map(event_messages.of_finding, events))
