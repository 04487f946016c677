"""The tables of the in-memory store: dictionaries that are copied for every transaction."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields
from datetime import date, datetime

from stt_coordinator.domain.daily import DayRecord
from stt_coordinator.domain.model import JobRecord, Pair, TargetRecord, WorkerRecord
from stt_coordinator.domain.time.clocks import ClockRecord
from stt_coordinator.store.ports.results import RawResult, Rejected
from stt_shared.bus.values import Outgoing
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.messages import ControlState
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
