"""Suppressions, called exceptions in messages: accepted findings and overridden severities.

A suppression never deletes a finding and never changes its state: it only changes how it counts.
"""

from __future__ import annotations

from datetime import date

from stt_shared.protocol.enums import Severity, SuppressionPhase
from stt_shared.protocol.messages import Instant, Value


class SuppressionEntry(Value, frozen=True, kw_only=True):
    """A suppression in a file: scope, last day, reason; with a severity it overrides that severity.

    The scope is one finding, or a check on a target, on a label `key=value`, or at a site.
    """

    id: str
    reason: str
    finding: str = ""
    check: str = ""
    target: str = ""
    label: str = ""
    site: str = ""
    severity: Severity | None = None  # findings of the check at the site count with this severity
    until: date | None = None  # its last day, UTC; optional only with a severity
    by: str = ""
    created: Instant | None = None


class SuppressionRecord(Value, frozen=True, kw_only=True):
    """A suppression and its history; with a severity it overrides, without one it accepts."""

    id: str
    reason: str
    by: str
    created: Instant
    finding: str = ""  # check and target are then those of the finding
    check: str = ""
    target: str = ""
    label: str = ""
    site: str = ""
    severity: Severity | None = None
    until: date | None = None  # its last day, UTC
    imported_by: str = ""  # who imported it from a file
    reminded: Instant | None = None
    ended: Instant | None = None
    revoked: Instant | None = None
    revoked_by: str = ""
    revoked_reason: str = ""


class SuppressionEvent(Value, frozen=True, kw_only=True):
    """A suppression was created or changed, ends soon, ended, or was revoked."""

    phase: SuppressionPhase
    at: Instant
    exception: SuppressionRecord
    findings: int = 0  # open findings in its scope
    schema: str = "stt.event.exception/v1"


class AcceptRequest(Value, frozen=True, kw_only=True):
    """Accept a finding (by its id or a prefix of it), or a check on a target, label or site."""

    until: date  # the last day, UTC; at most 400 days ahead
    reason: str = ""  # required
    finding: str = ""
    check: str = ""
    target: str = ""
    label: str = ""  # key=value
    site: str = ""
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.accept/v1"


class UnacceptRequest(Value, frozen=True, kw_only=True):
    """Revoke a suppression by its id, a prefix of its id, or the finding it is for."""

    id: str
    by: str = ""
    reason: str = ""
    dry_run: bool = False
    schema: str = "stt.control.unaccept/v1"


class SeveritySetRequest(Value, frozen=True, kw_only=True):
    """Override the severity of the findings of a check at a site."""

    check: str
    site: str
    severity: Severity
    reason: str = ""  # required
    until: date | None = None
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.severity-set/v1"


class SeverityResetRequest(Value, frozen=True, kw_only=True):
    """Remove the severity override of a check at a site."""

    check: str
    site: str
    by: str = ""
    reason: str = ""
    dry_run: bool = False
    schema: str = "stt.control.severity-reset/v1"


class SuppressionReply(Value, frozen=True, kw_only=True):
    """The suppression after the change, and the number of open findings in its scope."""

    exception: SuppressionRecord
    findings: int
    changed: bool = True
    replaced: str = ""  # the id of the suppression with the same scope that it replaced
    schema: str = "stt.control.exception-reply/v1"


class SuppressionsRequest(Value, frozen=True, kw_only=True):
    """A page of suppressions, newest first."""

    state: str = "live"  # live, ended, revoked, all
    offset: int = 0
    limit: int = 100
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.exceptions/v1"


class SuppressionInfo(Value, frozen=True, kw_only=True):
    """A suppression, its state, and the number of findings that it accepts now."""

    exception: SuppressionRecord
    state: str  # live, ended, revoked
    findings: int = 0


class SuppressionsReply(Value, frozen=True, kw_only=True):
    """A page of suppressions and their total number."""

    exceptions: tuple[SuppressionInfo, ...]
    total: int
    next: str = ""  # empty on the last page
    schema: str = "stt.control.exceptions-reply/v1"


class ImportRequest(Value, frozen=True, kw_only=True):
    """Import suppressions by their ids: all of them, or none if one is wrong."""

    exceptions: tuple[SuppressionEntry, ...]
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.exceptions-import/v1"


class ImportedSuppression(Value, frozen=True, kw_only=True):
    """The result of one imported entry."""

    id: str
    what: str  # added, updated, unchanged; ended, revoked: not imported again


class ImportReply(Value, frozen=True, kw_only=True):
    """The result of each entry, in the order of the request."""

    exceptions: tuple[ImportedSuppression, ...]
    schema: str = "stt.control.exceptions-import-reply/v1"
