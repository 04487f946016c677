"""The messages between coordinator and workers as frozen values; times are aware UTC datetimes.

Fields are only ever added within a major; a reader ignores fields it does not know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from stt_shared.protocol.enums import (
    Family,
    Kind,
    Outcome,
    Restart,
    Severity,
)

MAX_OTHER_OUTBOXES = 8
MAX_FINDINGS = 500  # of one check on one target: a result with more is refused
Instant = Annotated[datetime, msgspec.Meta(tz=True)]  # a time without a zone is rejected


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a message; without gc: frozen trees of JSON have no cycles."""


class CheckRef(Value, frozen=True, kw_only=True):
    """A check by its id and the SHA-256 of its content; a job never carries the check itself."""

    check: str
    digest: str


class Facts(Value, frozen=True, kw_only=True):
    """Facts of a database server; `version` is numeric, `role` is its role in the cluster.

    `provider` says who operates the server. `build` is empty for a build of the original or of a
    packager, else the name of an edition with releases of its own, or `unknown`.
    """

    flavour: str  # mysql, percona, mariadb, postgresql, mongodb, or a compatible product
    version: tuple[int, ...]
    version_text: str
    provider: str = "self-managed"
    role: str = ""
    build: str = ""


class Fix(Value, frozen=True, kw_only=True):
    """A remediation as data: what to do, what changes for whom, and how to undo it.

    At least one of `statement`, `lines` and `action` is set, and one of `undo`, `undo_lines` and
    `no_undo`. Statements are complete and in order; lines belong into the configuration file
    `file`, in place of `undo_lines` if those are there. All other texts are prose.
    """

    effect: str  # what changes for whom
    before: str  # what to look at first
    persistent: str  # why it survives a restart, or which line keeps it
    restart: Restart = Restart.NONE
    query: str = ""  # shows who would be cut off
    action: str = ""  # what a person does, where no statement does it
    statement: tuple[str, ...] = ()
    file: str = ""
    lines: str = ""
    undo: tuple[str, ...] = ()
    undo_lines: str = ""
    no_undo: str = ""  # why no statement restores the state before

    @property
    def text(self) -> str:
        """Lines and statements, or the action if there are none: what readers without `fix` get."""
        return "\n".join(filter(None, (self.lines.rstrip(), *self.statement))) or self.action


class Cause(Value, frozen=True, kw_only=True):
    """The finding of another check of the family that states a fact: its check and its object."""

    check: str
    object: str


class Implied(Value, frozen=True, kw_only=True):
    """The findings of `check`, by their keys, that are part of a finding and do not count."""

    check: str
    keys: tuple[str, ...]


class Finding(Value, frozen=True, kw_only=True):
    """A finding as the script of a check returns it; `key` identifies it within the check.

    `formerly` is evidence by which it is recognised under the object of an earlier release.
    `implied_by` are causes, in order, that state its fact too. The worker sets `part_of`, the cause
    that was found in the same job: then it does not count. `implies` are those of a cause.
    """

    key: str
    severity: Severity
    summary: str
    object: str | None = None
    description: str = ""
    remediation: str = ""  # of a finding with `fix`: its text
    read_more_url: str = ""
    evidence: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = {}
    fix: Fix | None = None  # None: of a check that says what to do as one text
    formerly: dict[str, Any] = {}
    implied_by: tuple[Cause, ...] = ()
    part_of: Cause | None = None
    implies: tuple[Implied, ...] = ()


class PartNotChecked(Value, frozen=True, kw_only=True):
    """A database of the target that a check could not evaluate; the outcome covers the others."""

    name: str
    kind: Kind
    reason: str


class TargetPart(Value, frozen=True, kw_only=True):
    """A database of `target` that at least one check could not evaluate."""

    target: str
    part: PartNotChecked


class CheckOutcome(Value, frozen=True, kw_only=True):
    """How one check ended; `kind` and `reason` are set for skipped and error."""

    check: str
    outcome: Outcome
    digest: str = ""
    kind: Kind | None = None
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    duration_ms: float = 0.0
    parts_not_checked: tuple[PartNotChecked, ...] = ()  # only for checks that query every database

    @property
    def counted(self) -> tuple[Finding, ...]:
        """The findings that are not part of another one."""
        return tuple(one for one in self.findings if one.part_of is None)


class Job(Value, frozen=True, kw_only=True):
    """The checks of one target in one run."""

    job_id: str
    run_id: str
    dispatch: int  # raised by one each time the coordinator issues the job again
    target: str
    family: Family
    site: str
    checks: tuple[CheckRef, ...]
    created: Instant
    expires: Instant
    pack: str = ""  # digest of the pack file of these checks; empty: built-in
    nonce: str = ""  # random, another for each dispatch; the result repeats it
    schema: str = "stt.job/v1"


class Result(Value, frozen=True, kw_only=True):
    """The outcomes of one job."""

    job_id: str
    run_id: str
    dispatch: int
    execution: str  # dispatch, stream sequence and delivery: tells executions apart
    target: str
    family: Family
    site: str
    worker: str
    sequence: int  # position in the worker's outbox, without gaps
    epoch: str  # id of the outbox; a worker that lost its disk starts a new one
    started: Instant
    finished: Instant
    outcomes: tuple[CheckOutcome, ...]
    facts: Facts | None = None
    nonce: str = ""  # that of the job; it proves that the worker received this dispatch
    left_out: str = ""  # why checks of the job have no outcome here, if the worker knows
    oldest: int = 0  # lowest position that its outbox still has, itself included; 0: not stated
    schema: str = "stt.result/v1"


class AnnouncedTarget(Value, frozen=True, kw_only=True):
    """A target in a heartbeat: without address and credentials."""

    target: str
    family: Family
    labels: dict[str, str] = {}
    discovered: bool = False  # found by the worker, not typed: it may be forgotten by itself


class PackHead(Value, frozen=True, kw_only=True):
    """A pack file on NATS: its parts, and the text of its minisign signature file."""

    digest: str  # SHA-256 of the file
    size: int  # in bytes
    parts: int  # messages `stt.v1.pack.<digest>.<n>`, n from 0
    signature: str = ""  # empty: unsigned
    schema: str = "stt.pack.head/v1"


class HeldPack(Value, frozen=True, kw_only=True):
    """A pack that a worker accepted; `key` is the name of the signing key, empty if unsigned."""

    digest: str
    name: str
    serial: int
    key: str = ""


class Announcement(Value, frozen=True, kw_only=True):
    """The heartbeat of a worker and the targets it serves; sent every 15 s and on every change."""

    worker: str
    site: str
    version: str
    started: Instant
    at: Instant
    targets: tuple[AnnouncedTarget, ...]
    pack: str  # digest of the built-in checks of this worker
    running: int = 0
    concurrency: int = 1
    outbox: int = 0  # results above the watermark
    leaving: bool = False
    packs: tuple[HeldPack, ...] = ()
    refused_pack: str = ""  # why the last requested pack was rejected
    allow_unsigned: bool = False
    epoch: str = ""  # id of the outbox: tells two workers of one name apart
    refused: tuple[str, ...] = ()  # subjects of NATS that the worker may not use, at most 10
    schema: str = "stt.announcement/v1"


class Tick(Value, frozen=True, kw_only=True):
    """The decision about one slot: `run` or `skipped`; the first one that is written counts."""

    schedule: str
    slot: Instant
    decision: str
    at: Instant
    reason: str = ""
    schema: str = "stt.tick/v1"


class ControlState(Value, frozen=True, kw_only=True):
    """Whether checks run, since when, by whom and why; and which checks are disabled."""

    enabled: bool = False
    since: Instant | None = None
    by: str = ""
    reason: str = ""
    disabled_checks: tuple[str, ...] = ()
    schema: str = "stt.control/v1"


class OutboxMark(Value, frozen=True, kw_only=True):
    """The highest position of one outbox up to which every result is in the store."""

    epoch: str
    sequence: int


class Watermark(Value, frozen=True, kw_only=True):
    """The highest outbox position of a worker up to which every result is in the store.

    `others` are the worker's other outboxes, newest first, at most MAX_OTHER_OUTBOXES: it lost its
    disk, or two workers have one name. None of them hides the mark of another.
    """

    worker: str
    epoch: str
    sequence: int
    others: tuple[OutboxMark, ...] = ()
    schema: str = "stt.watermark/v1"

    def of(self, epoch: str) -> int | None:
        """The mark of the outbox `epoch`; None if it is not known."""
        marks = {one.epoch: one.sequence for one in self.others}
        return (marks | {self.epoch: self.sequence}).get(epoch)
