"""Exceptions from what the checks say: accepted findings and other severities, and their verbs.

An exception never deletes a finding and never changes its state: it only says how it counts.
"""

from __future__ import annotations

from datetime import date

from stt_shared.protocol.enums import ExceptionPhase, Severity
from stt_shared.protocol.messages import Instant, Value


class ExceptionEntry(Value, frozen=True, kw_only=True):
    """An exception as it is written down: scope, last day, reason; with a severity an override.

    The scope is one finding, or a check on a target, on a label `key=value`, or at a site.
    """

    id: str
    reason: str
    finding: str = ""
    check: str = ""
    target: str = ""
    label: str = ""
    site: str = ""
    severity: Severity | None = None  # findings of the check at the site count as of this one
    until: date | None = None  # its last day, UTC; only one with a severity may go without
    by: str = ""
    created: Instant | None = None


class ExceptionRecord(Value, frozen=True, kw_only=True):
    """An exception with its life; with a severity it overrides, without it accepts."""

    id: str
    reason: str
    by: str
    created: Instant
    finding: str = ""  # then check and target are those of the finding
    check: str = ""
    target: str = ""
    label: str = ""
    site: str = ""
    severity: Severity | None = None
    until: date | None = None  # its last day, UTC
    imported_by: str = ""  # who entered it from a file
    reminded: Instant | None = None
    ended: Instant | None = None
    revoked: Instant | None = None
    revoked_by: str = ""
    revoked_reason: str = ""


class ExceptionEvent(Value, frozen=True, kw_only=True):
    """An exception was created or changed, is about to end, ended, or was revoked."""

    phase: ExceptionPhase
    at: Instant
    exception: ExceptionRecord
    findings: int = 0  # that are there and in its scope
    schema: str = "stt.event.exception/v1"


class AcceptRequest(Value, frozen=True, kw_only=True):
    """Accept a finding (by its id or how it begins), or a check on a target, label or site."""

    until: date  # the last day, UTC; at most 400 days ahead
    reason: str = ""  # must say something
    finding: str = ""
    check: str = ""
    target: str = ""
    label: str = ""  # key=value
    site: str = ""
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.accept/v1"


class UnacceptRequest(Value, frozen=True, kw_only=True):
    """Revoke an exception by its id or how it begins, or by the finding it is for."""

    id: str
    by: str = ""
    reason: str = ""
    dry_run: bool = False
    schema: str = "stt.control.unaccept/v1"


class SeveritySetRequest(Value, frozen=True, kw_only=True):
    """Let findings of a check at a site count as of another severity."""

    check: str
    site: str
    severity: Severity
    reason: str = ""  # must say something
    until: date | None = None
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.severity-set/v1"


class SeverityResetRequest(Value, frozen=True, kw_only=True):
    """Let findings of a check at a site count as what the check says again."""

    check: str
    site: str
    by: str = ""
    reason: str = ""
    dry_run: bool = False
    schema: str = "stt.control.severity-reset/v1"


class ExceptionReply(Value, frozen=True, kw_only=True):
    """The exception as it is now, and how many findings that are there are in its scope."""

    exception: ExceptionRecord
    findings: int
    changed: bool = True
    replaced: str = ""  # the id of the one with the same scope that it took the place of
    schema: str = "stt.control.exception-reply/v1"


class ExceptionsRequest(Value, frozen=True, kw_only=True):
    """A page of exceptions, newest first."""

    state: str = "live"  # live, ended, revoked, all
    offset: int = 0
    limit: int = 100
    after: str = ""  # `next` of the page before
    schema: str = "stt.control.exceptions/v1"


class ExceptionInfo(Value, frozen=True, kw_only=True):
    """An exception, whether it holds, and how many findings it accepts now."""

    exception: ExceptionRecord
    state: str  # live, ended, revoked
    findings: int = 0


class ExceptionsReply(Value, frozen=True, kw_only=True):
    """A page of exceptions and how many there are in all."""

    exceptions: tuple[ExceptionInfo, ...]
    total: int
    next: str = ""  # empty on the last page
    schema: str = "stt.control.exceptions-reply/v1"


class ImportRequest(Value, frozen=True, kw_only=True):
    """Enter exceptions by their ids: all of them, or none if one is wrong."""

    exceptions: tuple[ExceptionEntry, ...]
    by: str = ""
    dry_run: bool = False
    schema: str = "stt.control.exceptions-import/v1"


class ImportedException(Value, frozen=True, kw_only=True):
    """What became of one entry."""

    id: str
    what: str  # added, updated, unchanged; ended, revoked: it is over and was left so


class ImportReply(Value, frozen=True, kw_only=True):
    """What became of each entry, in their order."""

    exceptions: tuple[ImportedException, ...]
    schema: str = "stt.control.exceptions-import-reply/v1"
