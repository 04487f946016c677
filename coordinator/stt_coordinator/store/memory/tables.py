"""The tables of the in-memory store, copied for every transaction, and what in them is current.

Current is what is not of a gone target, and of a check that is enabled.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields
from datetime import date, datetime

import msgspec

from stt_coordinator.domain.daily import DayRecord
from stt_coordinator.domain.leader_report import LeaderReport
from stt_coordinator.domain.model import JobRecord, Pair, TargetRecord, WorkerRecord
from stt_coordinator.domain.time.clocks import ClockRecord
from stt_coordinator.store.ports.access import StoredSession
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import FindingState, Severity
from stt_shared.protocol.messages import ControlState, PartNotChecked
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord


@dataclass(slots=True)
class Tables:
    """Everything in the store; the values are never changed, only replaced."""

    audit: dict[int, AuditEntry] = field(default_factory=dict[int, AuditEntry])
    last_audit: int = 0  # the last position given in the audit trail
    runs: dict[str, RunRecord] = field(default_factory=dict[str, RunRecord])
    last_run: int = 0  # the last number given to a run
    slots: dict[str, datetime] = field(default_factory=dict[str, datetime])
    jobs: dict[str, JobRecord] = field(default_factory=dict[str, JobRecord])
    results: dict[tuple[str, str, int], RawResult] = field(
        default_factory=dict[tuple[str, str, int], RawResult]
    )
    watermarks: dict[tuple[str, str], tuple[datetime, int]] = field(
        default_factory=dict[tuple[str, str], tuple[datetime, int]]
    )
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict[tuple[str, str], Pair])
    findings: dict[str, FindingRecord] = field(default_factory=dict[str, FindingRecord])
    suppressions: dict[str, SuppressionRecord] = field(default_factory=dict[str, SuppressionRecord])
    history: dict[int, FindingEvent] = field(default_factory=dict[int, FindingEvent])
    last_event: int = 0  # the last position given in the history
    cursors: dict[str, int] = field(default_factory=dict[str, int])
    targets: dict[str, TargetRecord] = field(default_factory=dict[str, TargetRecord])
    workers: dict[str, WorkerRecord] = field(default_factory=dict[str, WorkerRecord])
    checks: dict[str, CheckInfo] = field(default_factory=dict[str, CheckInfo])
    counts: dict[datetime, tuple[datetime, Counts]] = field(
        default_factory=dict[datetime, tuple[datetime, Counts]]
    )
    daily: dict[tuple[date, Severity], DayRecord] = field(
        default_factory=dict[tuple[date, Severity], DayRecord]
    )
    fixes: dict[tuple[date, Severity, int], int] = field(
        default_factory=dict[tuple[date, Severity, int], int]
    )
    outbox: dict[int, Outgoing] = field(default_factory=dict[int, Outgoing])
    control: ControlState | None = None
    control_sequence: int = 0
    pack: str = ""
    leader_report: LeaderReport = field(default_factory=LeaderReport)
    sessions: dict[str, StoredSession] = field(default_factory=dict[str, StoredSession])
    failures: list[tuple[datetime, str]] = field(default_factory=list[tuple[datetime, str]])
    form_key: str = ""
    clock: ClockRecord | None = None
    last_outbox: int = 0  # the last position given in the outbox
    rejected: list[Rejected] = field(default_factory=list[Rejected])

    def copy(self) -> Tables:
        """The same values in tables of their own."""
        return Tables(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})


class Rows:
    """What every aggregate of the in-memory ledger works on."""

    def __init__(self, tables: Tables) -> None:
        self._t = tables


def is_current(t: Tables, target: str, check: str) -> bool:
    """Whether the target is not gone, and the check known and enabled."""
    row, info = t.targets.get(target), t.checks.get(check)
    return (row is None or not row.gone) and info is not None and info.enabled


def current_outcomes(t: Tables) -> list[Pair]:
    """The current outcomes."""
    return [one for key, one in t.pairs.items() if is_current(t, *key)]


def current_findings(t: Tables, *, accepted: bool = False) -> list[FindingRecord]:
    """The open findings, or the accepted ones."""
    return [
        one
        for one in t.findings.values()
        if one.state is not FindingState.RESOLVED
        and (one.accepted is not None) is accepted
        and is_current(t, one.target, one.check)
    ]


def gone_findings(t: Tables) -> list[FindingRecord]:
    """The findings of gone targets that are not resolved, accepted or not."""
    gone = {row.target for row in t.targets.values() if row.gone}
    on = {info.check for info in t.checks.values() if info.enabled}
    return [
        one
        for one in t.findings.values()
        if one.state is not FindingState.RESOLVED and one.target in gone and one.check in on
    ]


def parts_not_checked(t: Tables) -> dict[tuple[str, str], tuple[Pair, PartNotChecked]]:
    """Databases not checked by target and name; of several reasons the least as JSON."""
    every = ((one, part) for one in current_outcomes(t) for part in one.parts_not_checked)
    last_first = sorted(every, key=lambda two: msgspec.json.encode(two[1]), reverse=True)
    found = {(one.target, part.name): (one, part) for one, part in last_first}
    return dict(sorted(found.items()))
