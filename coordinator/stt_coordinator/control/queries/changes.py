"""The verb `changes`: what happened to findings, in pages."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.pages import decode_cursor, encode_cursor
from stt_coordinator.control.queries.status import unchecked_target
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.history import EventPlace
from stt_shared import clock
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
)

MAX_UNCHECKED = 20


async def list_changes(context: HandlerContext, request: ChangesRequest) -> ChangesReply:
    """A page of what happened to findings."""
    limit, offset = pages.page_size(request.limit), max(0, request.offset)
    beyond = decode_cursor(request.after, EventPlace) or EventPlace(request.since, -1)
    offset = 0 if request.after else offset

    def read(ledger: Ledger) -> ChangesReply:
        _, total = ledger.history.since(request.since, 0, 0)
        found = ledger.history.page(beyond, offset, limit + 1)
        page = tuple(pages.fitting(event for _, event in found[:limit]))
        last = found[len(page) - 1] if page else None
        more = len(page) < len(found)
        return ChangesReply(
            changes=page,
            total=total,
            unchecked=tuple(map(unchecked_target, ledger.fleet.unchecked(MAX_UNCHECKED))),
            unchecked_total=ledger.fleet.count_unchecked(),
            kept_since=kept_since(context, request.since),
            next=encode_cursor((clock.to_text(last[1].at), last[0])) if last and more else "",
        )

    return await context.store.read(read)


def kept_since(context: HandlerContext, since: datetime) -> datetime | None:
    """From when on all changes are kept, if that is later than `since`."""
    kept = clock.now() - context.retention.full
    return kept if since < kept else None
