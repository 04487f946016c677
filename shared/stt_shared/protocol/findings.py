"""Requests and replies of the control service about findings and their changes."""

from __future__ import annotations

from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.enums import (
    Family,
    Kind,
    Outcome,
    Severity,
)
from stt_shared.protocol.messages import Facts, Instant, PartNotChecked, TargetPart, Value
from stt_shared.protocol.records import FindingEvent, FindingRecord, LinkedFinding


class FindingsRequest(Value, frozen=True, kw_only=True):
    """A page of findings, most severe first, then oldest; an empty tuple means all.

    A name of `sites`, `targets` and `checks` that ends in `*` means all that begin with the rest.
    `labels` are `key=value` of targets: of each key one of the values, which may end in `*` too.
    """

    severities: tuple[Severity, ...] = ()
    families: tuple[Family, ...] = ()
    sites: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    state: str = "open"  # open (without accepted ones), accepted, gone, resolved, all
    offset: int = 0
    limit: int = 100
    after: str = ""  # `next` of the page before; stable while findings change, unlike `offset`
    schema: str = "stt.control.findings/v1"


class FindingsReply(Value, frozen=True, kw_only=True):
    """A page of findings and their total number."""

    findings: tuple[FindingRecord, ...]
    total: int
    notice: str = ""  # which workers run unsigned packs
    next: str = ""  # empty on the last page
    parts_not_checked: tuple[TargetPart, ...] = ()  # of the selected targets; at most 20
    schema: str = "stt.control.findings-reply/v1"


class FindingRequest(Value, frozen=True, kw_only=True):
    """One finding by its id or an unambiguous prefix of it."""

    id: str
    schema: str = "stt.control.finding/v1"


class FindingReply(Value, frozen=True, kw_only=True):
    """A finding with its history, oldest first, and the latest outcome of its check."""

    finding: FindingRecord
    history: tuple[FindingEvent, ...]
    outcome: Outcome
    kind: Kind | None = None
    reason: str = ""
    facts: Facts | None = None
    notice: str = ""
    parts_not_checked: tuple[PartNotChecked, ...] = ()  # in the latest outcome; at most 100
    part_of: LinkedFinding | None = None  # the open finding with which it counts
    implies: tuple[LinkedFinding, ...] = ()  # what counts with it; at most 100
    schema: str = "stt.control.finding-reply/v1"


class ChangesRequest(Value, frozen=True, kw_only=True):
    """A page of the changes of findings since an instant."""

    since: Instant
    offset: int = 0
    limit: int = 100
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.changes/v1"


class ChangesReply(Value, frozen=True, kw_only=True):
    """A page of changes, oldest first, and the targets not checked in their last run."""

    changes: tuple[FindingEvent, ...]
    total: int
    unchecked: tuple[UncheckedTarget, ...] = ()  # at most 20
    unchecked_total: int = 0
    kept_since: Instant | None = None  # set if `since` is earlier: older changes were deleted
    next: str = ""  # empty on the last page
    schema: str = "stt.control.changes-reply/v1"
