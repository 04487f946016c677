"""The verbs `findings` and `finding`: a page of findings, and one with its history."""

from __future__ import annotations

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.pages import decode_cursor, encode_cursor
from stt_coordinator.control.queries.name_filters import with_names
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain.causes import linked_findings
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.findings import FindingPlace
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.findings import (
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.records import FindingRecord

MAX_UNCHECKED = 20
MAX_PARTS = 100  # databases of one target
MAX_IMPLIED = 100  # findings of other checks that count with one
MAX_HISTORY = 200  # events of one finding
FINDING_PREFIX = "f_"
STATES = ("open", "accepted", "gone", "resolved", "all")


async def list_findings(context: HandlerContext, request: FindingsRequest) -> FindingsReply:
    """A page of findings, most severe first, then oldest.

    Raises RequestError: `bad_request`, or the code of an unknown target, site, check or label.
    """
    if request.state not in STATES:
        what = f"state is {request.state!r:.40}, expected one of {', '.join(STATES)}"
        raise request_error(ErrorCode.BAD_REQUEST, what)
    beyond, limit = decode_cursor(request.after, FindingPlace), pages.page_size(request.limit)
    offset = 0 if beyond else max(0, request.offset)
    query = msgspec.structs.replace(request, limit=limit + 1, offset=offset)

    def read(ledger: Ledger) -> FindingsReply:
        named = with_names(context, ledger, query)
        found, total = ledger.findings.page(named, beyond)
        page = tuple(pages.fitting(found[:limit]))
        return FindingsReply(
            findings=page,
            total=total,
            notice=unsigned(context, ledger.fleet.workers()),
            next=encode_cursor(FindingPlace.of(page[-1])) if len(page) < len(found) else "",
            parts_not_checked=tuple(
                ledger.outcomes.parts_not_checked(named.targets, MAX_UNCHECKED)
            ),
        )

    return await context.store.read(read)


async def read_finding(context: HandlerContext, request: FindingRequest) -> FindingReply:
    """One finding with its history."""
    return await context.store.read(
        lambda ledger: _finding_reply(context, ledger, one_finding(ledger, request.id))
    )


def one_finding(ledger: Ledger, id_: str) -> FindingRecord:
    """The finding with that id or unique prefix.

    Raises RequestError `unknown_finding` or `ambiguous_finding`.
    """
    prefix = FINDING_PREFIX + id_.removeprefix(FINDING_PREFIX).lower()
    found = ledger.findings.with_prefix(prefix, 2)
    if not found or prefix == FINDING_PREFIX:
        raise request_error(ErrorCode.UNKNOWN_FINDING, f"unknown finding {id_!r:.100}")
    if len(found) > 1:
        raise request_error(
            ErrorCode.AMBIGUOUS_FINDING, f"{id_!r:.100} is the start of several ids of findings"
        )
    return found[0]


def _finding_reply(context: HandlerContext, ledger: Ledger, record: FindingRecord) -> FindingReply:
    pairs = {pair.check: pair for pair in ledger.outcomes.of_targets([record.target])}
    pair = pairs.get(record.check)
    target = ledger.fleet.targets([record.target]).get(record.target)
    newest_first = reversed(ledger.history.of_finding(record.id, MAX_HISTORY))
    events = list(pages.fitting(newest_first))
    cause, implied = linked_findings(record, ledger.findings.of_targets([record.target]))
    return FindingReply(
        finding=next(pages.fitting([record])),
        history=tuple(reversed(events)),
        outcome=pair.outcome if pair else Outcome.FAILED,
        kind=pair.kind if pair else None,
        reason=pair.reason if pair else "",
        facts=target.facts if target else None,
        notice=unsigned(context, ledger.fleet.workers()),
        parts_not_checked=pair.parts_not_checked[:MAX_PARTS] if pair else (),
        part_of=cause,
        implies=implied[:MAX_IMPLIED],
    )
