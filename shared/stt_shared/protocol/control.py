"""Verbs of the control service `stt`, and its requests and replies about state and inventory."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from stt_shared.protocol.coordinators import CoordinatorInfo, StoreHealth
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
    """A request that the control service accepts; the last token of its subject."""

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
    EVENTS_REPLAY = "events-replay"
    TARGET_MOVE = "target-move"
    TARGET_FORGET = "target-forget"
    WORKER_FORGET = "worker-forget"


WRITING = frozenset(  # the verbs that change something
    {
        Verb.ENABLE,
        Verb.DISABLE,
        Verb.RUN,
        Verb.CHECK_DISABLE,
        Verb.TARGET_MOVE,
        Verb.TARGET_FORGET,
        Verb.WORKER_FORGET,
        Verb.CHECK_ENABLE,
        Verb.ACCEPT,
        Verb.UNACCEPT,
        Verb.SEVERITY_SET,
        Verb.SEVERITY_RESET,
        Verb.EXCEPTIONS_IMPORT,
        Verb.EVENTS_REPLAY,
    }
)


class SwitchRequest(Value, frozen=True, kw_only=True):
    """Enable or disable all checks."""

    by: str = ""
    reason: str = ""
    schema: str = "stt.control.switch/v1"


class SwitchReply(Value, frozen=True, kw_only=True):
    """The new state, and the run that enabling started in the background."""

    state: ControlState
    changed: bool
    run_id: str = ""
    schema: str = "stt.control.switch-reply/v1"


class RunRequest(Value, frozen=True, kw_only=True):
    """Start a run now; an empty tuple means all."""

    by: str = ""
    targets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    checks: tuple[str, ...] = ()
    schema: str = "stt.control.run/v1"


class RunReply(Value, frozen=True, kw_only=True):
    """The started run; targets in `joined` share a job that no worker has received yet."""

    run: RunRecord
    joined: tuple[str, ...] = ()
    schema: str = "stt.control.run-reply/v1"


class Empty(Value, frozen=True, kw_only=True):
    """A request without parameters."""

    schema: str = "stt.control.empty/v1"


class WorkerInfo(Value, frozen=True, kw_only=True):
    """A worker as of its last heartbeat."""

    worker: str
    site: str
    state: str  # up, down
    version: str
    last_heard: Instant
    targets: int
    running: int = 0
    concurrency: int = 1
    outbox: int = 0
    double_of: str = ""  # the name that another worker has, too; empty: this one is alone
    sends_nonce: bool = True  # false: of an older release, whose results have no nonce


class UncheckedTarget(Value, frozen=True, kw_only=True):
    """A target with checks that have no verdict, and the reason."""

    target: str
    kind: Kind
    reason: str
    last_checked: Instant | None = None  # when it was last checked; null: never


class PackStatus(Value, frozen=True, kw_only=True):
    """The pack in use, if the checks are not the built-in ones."""

    source: str
    name: str
    serial: int
    digest: str
    key: str  # name of the signing key; empty: unsigned
    checks: int
    fetched: Instant
    expires: Instant | None = None


class StatusReply(Value, frozen=True, kw_only=True):
    """Enabled or disabled, counts, last and next run, workers, and faults of STT itself."""

    state: ControlState
    summary: Summary
    workers: tuple[WorkerInfo, ...] = ()
    families: dict[str, int] = {}
    unchecked: tuple[UncheckedTarget, ...] = ()  # at most 20; `summary.counts` has the number
    next_slots: dict[str, Instant] = {}
    yesterday: Counts | None = None
    degraded: tuple[str, ...] = ()
    pack: PackStatus | None = None
    notice: str = ""  # which workers run unsigned packs
    next_end: date | None = None  # the earliest last day of all accepting suppressions, UTC
    parts_not_checked: tuple[TargetPart, ...] = ()  # at most 20; `summary.counts` has the number
    clock: str = ""  # why scheduled runs, retention, ends of exceptions wait; empty: clocks agree
    future: dict[str, int] = {}  # rows of the store with an instant in the future, by kind
    coordinator: CoordinatorInfo | None = None  # null: of a release before leases
    store: StoreHealth | None = None  # without an integrity check; null: of a release before
    schema: str = "stt.control.status-reply/v1"


class CheckInfo(Value, frozen=True, kw_only=True):
    """A check in the catalogue of the coordinator."""

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
    """Disable or enable one check for all targets."""

    check: str
    by: str = ""
    reason: str = ""
    schema: str = "stt.control.check-switch/v1"


class TargetsRequest(Value, frozen=True, kw_only=True):
    """A page of targets, sorted by name."""

    after: str = ""
    limit: int = 500
    schema: str = "stt.control.targets/v1"


class TargetClaim(Value, frozen=True, kw_only=True):
    """A worker that announces a target and may not have it: another site or type has it."""

    worker: str
    site: str
    family: Family
    since: Instant


# Code of a standby's answer: nobody leads, and why this one cannot.
NO_LEADER = "no_leader"
# It cannot, because its store does not answer.
NO_STORE = "no_store"


class TargetInfo(Value, frozen=True, kw_only=True):
    """A target and its state."""

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
    never_run: int = 0  # enabled checks that were never run on it
    claims: tuple[TargetClaim, ...] = ()  # of workers that announce it and may not have it
    discovered: bool = False  # and never typed: forgotten some time after it is gone


class TargetsReply(Value, frozen=True, kw_only=True):
    """A page of targets; `next` is empty on the last page."""

    targets: tuple[TargetInfo, ...]
    next: str = ""
    schema: str = "stt.control.targets-reply/v1"
