"""The verb `audit`: who changed what, in pages, newest first."""

from __future__ import annotations

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_shared.protocol.audit import AuditReply, AuditRequest

MAX_DIGITS = 18


async def list_audit(context: HandlerContext, request: AuditRequest) -> AuditReply:
    """A page of the record, newest first."""
    before = _position(request.after)
    limit = pages.page_size(request.limit)
    found = await context.store.read(lambda ledger: ledger.audit.newest(before, limit + 1))
    page = tuple(pages.fitting(entry for _, entry in found[:limit]))
    is_last = len(page) == len(found)
    return AuditReply(entries=page, next="" if is_last else str(found[len(page) - 1][0]))


def _position(after: str) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS):
        raise request_error(
            ErrorCode.BAD_REQUEST, f"after is {after!r:.40}, expected next of a page"
        )
    return int(after)
