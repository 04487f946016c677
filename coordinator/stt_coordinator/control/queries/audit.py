"""The verb `audit`: who changed what, in pages, newest first."""

from __future__ import annotations

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_shared.protocol.audit import AuditReply, AuditRequest

MAX_DIGITS = 18


async def list_audit(context: HandlerContext, request: AuditRequest) -> AuditReply:
    """A page of the audit entries, newest first; raises RequestError for a wrong `after`."""
    after, limit = request.after, pages.page_size(request.limit)
    if after and not (after.isascii() and after.isdigit() and len(after) <= MAX_DIGITS):
        what = f"after is {after!r:.40}, expected next of a page"
        raise request_error(ErrorCode.BAD_REQUEST, what)
    before = int(after) if after else None
    found = await context.store.read(lambda ledger: ledger.audit.newest(before, limit + 1))
    page = tuple(pages.fitting(entry for _, entry in found[:limit]))
    is_last = len(page) == len(found)
    return AuditReply(entries=page, next="" if is_last else str(found[len(page) - 1][0]))
