"""The audit record of every requested change, and the requests that read it."""

from __future__ import annotations

from stt_shared.protocol.enums import Role, Way
from stt_shared.protocol.messages import Instant, Value


class AuditEntry(Value, frozen=True, kw_only=True):
    """A change that was made; `role` is set if the requester logged in."""

    at: Instant
    by: str
    way: Way
    did: str  # the verb of the control service: enable, accept, run, ...
    what: str = ""  # the check, the run, the exception
    reason: str = ""
    role: Role | None = None


class AuditRequest(Value, frozen=True, kw_only=True):
    """A page of the audit record, newest first."""

    after: str = ""  # `next` of the page before
    limit: int = 100
    schema: str = "stt.control.audit/v1"


class AuditReply(Value, frozen=True, kw_only=True):
    """A page of the audit record; `next` is empty on the last page."""

    entries: tuple[AuditEntry, ...]
    next: str = ""
    schema: str = "stt.control.audit-reply/v1"
