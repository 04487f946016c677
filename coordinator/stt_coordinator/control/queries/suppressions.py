"""The verb `exceptions`: suppressions in pages, newest first."""

from __future__ import annotations

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.pages import decode_cursor, encode_cursor
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.protocol.suppressions import (
    SuppressionInfo,
    SuppressionsReply,
    SuppressionsRequest,
)
from stt_shared.suppression.rule import state_of

STATES = ("live", "ended", "revoked", "all")


async def list_suppressions(
    context: HandlerContext, request: SuppressionsRequest
) -> SuppressionsReply:
    """A page of suppressions, newest first; raises RequestError for an unknown state."""
    if request.state not in STATES:
        what = f"state is {request.state!r:.40}, expected one of {', '.join(STATES)}"
        raise request_error(ErrorCode.BAD_REQUEST, what)
    limit, before = pages.page_size(request.limit), decode_cursor(request.after, Place)
    offset = 0 if before else max(0, request.offset)

    def read(ledger: Ledger) -> SuppressionsReply:
        found, total = ledger.suppressions.page(request.state, offset, limit + 1, before)
        number = ledger.findings.count_accepted([one.id for one in found])
        infos = [
            SuppressionInfo(exception=one, state=state_of(one), findings=number.get(one.id, 0))
            for one in found[:limit]
        ]
        page = tuple(pages.fitting(infos))
        last = page[-1].exception if page else None
        more = last is not None and len(page) < len(found)
        return SuppressionsReply(
            exceptions=page,
            total=total,
            next=encode_cursor((clock.to_text(last.created), last.id)) if last and more else "",
        )

    return await context.store.read(read)
