"""Requests and replies of the control service about runs and reports."""

from __future__ import annotations

from typing import Any

import msgspec

from stt_shared.protocol.enums import (
    Family,
    Kind,
    Outcome,
    Severity,
)
from stt_shared.protocol.messages import Fix, Implied, Instant, PartNotChecked, Value
from stt_shared.protocol.records import Acceptance, Counts, LinkedFinding, RunRecord


class RunsRequest(Value, frozen=True, kw_only=True):
    """The newest runs, or one by its id."""

    run_id: str = ""
    limit: int = 20
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.runs/v1"


class RunsReply(Value, frozen=True, kw_only=True):
    """Runs, newest first."""

    runs: tuple[RunRecord, ...]
    next: str = ""  # empty on the last page
    schema: str = "stt.control.runs-reply/v1"


class ReportRequest(Value, frozen=True, kw_only=True):
    """A page of a report: of one run, or (no run id) of the latest outcome of everything."""

    run_id: str = ""
    after: str = ""
    schema: str = "stt.control.report/v1"


class ReportedFinding(Value, frozen=True, kw_only=True):
    """A finding in a report."""

    id: str
    severity: Severity
    object: str | None
    summary: str
    description: str
    remediation: str
    evidence: tuple[dict[str, Any], ...]  # Any: the field `object` hides the builtin
    since: Instant
    accepted: Acceptance | None = None  # if set, the finding does not count as open
    said_severity: Severity | None = None  # severity from the check, if a suppression overrides it
    labels: dict[str, str] = {}
    read_more_url: str = ""
    fix: Fix | None = None
    implies: tuple[Implied, ...] = ()  # findings of other checks that count with it
    # Of a scan, where the check says it: evidence that it has in a baseline with another id.
    formerly: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ImpliedFinding(Value, frozen=True, kw_only=True):
    """What a check found and does not count: a finding of another check states the same fact."""

    object: str
    implied_by: LinkedFinding


class ReportedResult(Value, frozen=True, kw_only=True):
    """A pair of target and check in a report."""

    target: str
    family: Family
    site: str
    check: str
    outcome: Outcome
    kind: Kind | None
    reason: str
    findings: tuple[ReportedFinding, ...]
    parts_not_checked: tuple[PartNotChecked, ...] = ()  # the outcome covers the others
    implied: tuple[ImpliedFinding, ...] = ()  # each counts once, at its cause


class ReportReply(Value, frozen=True, kw_only=True):
    """A page of a report, in order of target and check; `next` is empty on the last page."""

    run_id: str
    started: Instant | None
    finished: Instant | None
    counts: Counts
    results: tuple[ReportedResult, ...]
    next: str = ""
    notice: str = ""  # which workers run unsigned packs
    schema: str = "stt.control.report-reply/v1"
