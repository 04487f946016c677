"""Findings, runs and counts as stored, and the events that report their changes."""

from __future__ import annotations

from datetime import date
from typing import Any

from stt_shared.protocol.enums import (
    Change,
    ClockState,
    Family,
    FindingState,
    RunPhase,
    Severity,
    TargetPhase,
    WorkerState,
)
from stt_shared.protocol.messages import Fix, Implied, Instant, Value


class Acceptance(Value, frozen=True, kw_only=True):
    """The suppression that accepts a finding: until when, by whom and why."""

    exception: str
    until: date  # its last day, UTC
    by: str
    reason: str
    baseline: bool = False  # known when a baseline was taken; counted apart from accepted ones


class FindingRecord(Value, frozen=True, kw_only=True):
    """A finding and its life cycle, as stored."""

    id: str
    target: str
    family: Family
    site: str
    check: str
    state: FindingState
    severity: Severity
    summary: str
    first_seen: Instant
    last_confirmed: Instant
    object: str | None = None
    description: str = ""
    remediation: str = ""  # of a finding with `fix`: its text
    read_more_url: str = ""
    evidence: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = {}
    since: Instant | None = None  # opened or last reopened
    resolved_at: Instant | None = None
    accepted: Acceptance | None = None  # if set, it counts as accepted, whatever its state
    said_severity: Severity | None = None  # severity from the check, if a suppression overrides it
    fix: Fix | None = None
    implies: tuple[Implied, ...] = ()  # findings that are part of this one, and do not count


class LinkedFinding(Value, frozen=True, kw_only=True):
    """A finding of another check on the same target that states the same fact.

    `id` is empty for one that was never open by itself.
    """

    check: str
    object: str
    id: str


class FindingEvent(Value, frozen=True, kw_only=True):
    """One change of a finding."""

    change: Change
    at: Instant
    run_id: str
    after: FindingRecord
    before: FindingRecord | None = None
    by: str = ""  # who accepted it, or revoked the acceptance
    reason: str = ""
    schema: str = "stt.event.finding/v1"


class RunRecord(Value, frozen=True, kw_only=True):
    """A run and its progress."""

    run_id: str
    schedule: str  # standard, frequent, rare, enable, manual, or first (of new targets)
    slot: Instant
    state: str  # running, finished, skipped
    jobs: int = 0
    done: int = 0
    unanswered: int = 0
    started: Instant | None = None
    finished: Instant | None = None
    reason: str = ""
    requested_by: str = ""
    number: int = 0  # grows with each run of a store, and orders them whatever the clocks were


class RunEvent(Value, frozen=True, kw_only=True):
    """A run started, finished, or was skipped."""

    phase: RunPhase
    at: Instant
    run: RunRecord
    schema: str = "stt.event.run/v1"


class WorkerEvent(Value, frozen=True, kw_only=True):
    """A worker is alive (`up`) or not any more (`down`)."""

    worker: str
    site: str
    state: WorkerState
    at: Instant
    reason: str = ""
    schema: str = "stt.event.worker/v1"


class TargetEvent(Value, frozen=True, kw_only=True):
    """A target was claimed, moved, forgotten, is gone, or is back; `site` is its own.

    `worker` and `other_site` are those of the refused worker (claimed); `other_site` is the site
    before (moved).
    """

    phase: TargetPhase
    target: str
    family: Family
    site: str
    at: Instant
    worker: str = ""
    other_site: str = ""
    by: str = ""  # who asked for it; empty: it follows from announcements
    reason: str = ""
    schema: str = "stt.event.target/v1"


class ClockEvent(Value, frozen=True, kw_only=True):
    """Clocks disagree: scheduled runs, retention and ends of exceptions wait; or agree again."""

    state: ClockState
    at: Instant  # by the coordinator's clock, which may be the wrong one
    reason: str
    schema: str = "stt.event.clock/v1"


class Counts(Value, frozen=True, kw_only=True):
    """The counts of a summary.

    The severities count open findings that are not accepted, `accepted` those that are, without
    those of a baseline, which `baseline` counts. `passed`
    and `not_checked` count pairs of target and check; a check that does not apply to its target
    counts in neither. `parts_not_checked` counts the databases that a check with a verdict left
    out; each database counts once. A check that was never run on a target counts in `not_checked`,
    and so does every check of a target that is gone: `gone` counts those targets and
    `gone_findings` their open findings, which no severity counts.
    """

    critical: int = 0
    major: int = 0
    trivial: int = 0
    passed: int = 0
    not_checked: int = 0
    targets: int = 0
    targets_checked: int = 0
    accepted: int = 0
    parts_not_checked: int = 0
    gone: int = 0
    gone_findings: int = 0
    baseline: int = 0


class Summary(Value, frozen=True, kw_only=True):
    """The counts of all targets (`site` empty) or of one site, and their last run."""

    counts: Counts
    as_of: Instant
    enabled: bool
    since: Instant | None = None  # when it was enabled or disabled
    site: str = ""
    last_run: RunRecord | None = None
    ended: bool = False  # the site has no target any more; no other summary follows until it has
    schema: str = "stt.summary/v1"
