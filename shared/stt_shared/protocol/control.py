"""Requests and replies of the control service `stt`; each verb has one of each."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from stt_shared.protocol.enums import Family, Interval, Kind
from stt_shared.protocol.messages import (
    ControlState,
    Facts,
    Instant,
    PartNotChecked,
    TargetPart,
    Value,
)
from stt_shared.protocol.records import (
    Counts,
    RunRecord,
    Summary,
)


class Verb(StrEnum):
    """What the control service can be asked; the last token of its subject."""

    ENABLE = "enable"
    DISABLE = "disable"
    RUN = "run"
    STATUS = "status"
    OVERVIEW = "overview"
    CHECKS = "checks"
    CHECK_DISABLE = "check-disable"
    CHECK_ENABLE = "check-enable"
    TARGETS = "targets"
    FINDINGS = "findings"
    FINDING_GROUPS = "finding-groups"
    FINDING = "finding"
    ACCEPT = "accept"
    UNACCEPT = "unaccept"
    SEVERITY_SET = "severity-set"
    SEVERITY_RESET = "severity-reset"
    EXCEPTIONS = "exceptions"
    EXCEPTIONS_IMPORT = "exceptions-import"
    CHANGES = "changes"
    DIFF = "diff"
    TRENDS = "trends"
    RUNS = "runs"
    REPORT = "report"
    AUDIT = "audit"
    HEALTH = "health"


class SwitchRequest(Value, frozen=True, kw_only=True):
    """Enable or disable everything."""

    by: str = ""
    reason: str = ""
    schema: str = "stt.control.switch/v1"


class SwitchReply(Value, frozen=True, kw_only=True):
    """The state written, and the run that enabling started in the background."""

    state: ControlState
    changed: bool
    run_id: str = ""
    schema: str = "stt.control.switch-reply/v1"


class RunRequest(Value, frozen=True, kw_only=True):
    """Check now; an empty tuple means all."""

    by: str = ""
    targets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    checks: tuple[str, ...] = ()
    schema: str = "stt.control.run/v1"


class RunReply(Value, frozen=True, kw_only=True):
    """The run to follow; `joined` targets had a job outstanding already and got no second one."""

    run: RunRecord
    joined: tuple[str, ...] = ()
    schema: str = "stt.control.run-reply/v1"


class Empty(Value, frozen=True, kw_only=True):
    """A request that takes nothing."""

    schema: str = "stt.control.empty/v1"


class WorkerInfo(Value, frozen=True, kw_only=True):
    """A worker as last heard of."""

    worker: str
    site: str
    state: str  # up, down
    version: str
    last_heard: Instant
    targets: int
    running: int = 0
    concurrency: int = 1
    outbox: int = 0


class UncheckedTarget(Value, frozen=True, kw_only=True):
    """A target of which nothing was learned in its last run, and why."""

    target: str
    kind: Kind
    reason: str
    last_checked: Instant | None = None  # when something was last learned; null: never


class PackStatus(Value, frozen=True, kw_only=True):
    """The pack in use where the checks are not those of the installation."""

    source: str
    name: str
    serial: int
    digest: str
    key: str  # who signed it; empty: nobody
    checks: int
    fetched: Instant
    expires: Instant | None = None


class StatusReply(Value, frozen=True, kw_only=True):
    """On or off, counts, last and next run, workers, and what is wrong with STT itself."""

    state: ControlState
    summary: Summary
    workers: tuple[WorkerInfo, ...] = ()
    families: dict[str, int] = {}
    unchecked: tuple[UncheckedTarget, ...] = ()  # at most 20; the counts tell how many
    next_slots: dict[str, Instant] = {}
    yesterday: Counts | None = None
    degraded: tuple[str, ...] = ()
    pack: PackStatus | None = None
    notice: str = ""  # who runs what nobody signed
    next_end: date | None = None  # of the exceptions that accept: the first last day, UTC
    parts_not_checked: tuple[TargetPart, ...] = ()  # at most 20; the counts tell how many
    schema: str = "stt.control.status-reply/v1"


class CheckInfo(Value, frozen=True, kw_only=True):
    """A check as the coordinator's catalogue has it."""

    check: str
    family: Family
    summary: str
    interval: Interval
    digest: str
    enabled: bool
    category: str = ""


class ChecksReply(Value, frozen=True, kw_only=True):
    """Every known check, by family and name."""

    checks: tuple[CheckInfo, ...]
    releases_as_of: str = ""
    schema: str = "stt.control.checks-reply/v1"


class CheckSwitchRequest(Value, frozen=True, kw_only=True):
    """Switch one check off or on for all targets."""

    check: str
    by: str = ""
    reason: str = ""
    schema: str = "stt.control.check-switch/v1"


class TargetsRequest(Value, frozen=True, kw_only=True):
    """A page of targets in order of their names."""

    after: str = ""
    limit: int = 500
    schema: str = "stt.control.targets/v1"


class TargetInfo(Value, frozen=True, kw_only=True):
    """A target and what is known of it."""

    target: str
    family: Family
    site: str
    state: str  # checked, unchecked, never, gone
    workers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    last_checked: Instant | None = None
    kind: Kind | None = None
    reason: str = ""
    facts: Facts | None = None
    parts_not_checked: tuple[PartNotChecked, ...] = ()  # of its latest answers; at most 100


class TargetsReply(Value, frozen=True, kw_only=True):
    """A page of targets; `next` is empty on the last page."""

    targets: tuple[TargetInfo, ...]
    next: str = ""
    schema: str = "stt.control.targets-reply/v1"
