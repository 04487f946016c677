"""The verbs that accept, revoke, and set or reset a severity."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stt_coordinator.control.check_names import check_names
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.queries.findings import FINDING_PREFIX, one_finding
from stt_coordinator.control.suppressions.entries import resolve_names, run_transaction
from stt_coordinator.control.suppressions.rules import Places, faults
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.identity import exception_id
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    SuppressionEntry,
    SuppressionRecord,
    SuppressionReply,
    UnacceptRequest,
)
from stt_shared.suppression.entries import scope_of_entry, suppression_of
from stt_shared.suppression.rule import scope_of, state_of
from stt_shared.suppression.shape import MAX_TEXT

PREFIX = "x_"


async def accept(context: HandlerContext, request: AcceptRequest) -> SuppressionReply:
    """Accept a finding, or a check on a target, a label or a site, until a day.

    Raises RequestError with the code of the first fault.
    """
    entry = SuppressionEntry(
        id="",
        reason=request.reason,
        by=request.by,
        finding=request.finding,
        check=request.check,
        target=request.target,
        label=request.label,
        site=request.site,
        until=request.until,
    )
    return await _record_new(context, entry, dry_run=request.dry_run)


async def set_severity(context: HandlerContext, request: SeveritySetRequest) -> SuppressionReply:
    """Set another severity for the findings of a check at a site."""
    entry = SuppressionEntry(
        id="",
        reason=request.reason,
        by=request.by,
        check=request.check,
        site=request.site,
        severity=request.severity,
        until=request.until,
    )
    return await _record_new(context, entry, dry_run=request.dry_run)


async def _record_new(
    context: HandlerContext, entry: SuppressionEntry, *, dry_run: bool
) -> SuppressionReply:
    now = clock.now()

    def make(ledger: Ledger) -> SuppressionReply:
        names = check_names(context, ledger)
        named = resolve_names(names, ledger, entry, exact=False)
        named = msgspec.structs.replace(
            named, id=exception_id("/".join(scope_of_entry(named)), now)
        )
        for code, sentence in faults(names, ledger, named, now, Places(ledger)):
            raise request_error(code, sentence)
        one = suppression_of(named, None, now)
        lookup = suppressions.Lookup(ledger)
        # Before it is recorded: afterwards the one that it replaced is revoked, and no rival.
        other = lookup.rival(one)
        if not dry_run:
            suppressions.record(ledger, [one], now)
        return SuppressionReply(
            exception=one,
            findings=lookup.number(one),
            changed=not dry_run,
            replaced=other.id if other is not None else "",
        )

    return await run_transaction(context, make, dry_run=dry_run)


async def revoke(context: HandlerContext, request: UnacceptRequest) -> SuppressionReply:
    """Revoke a suppression; idempotent.

    Raises RequestError `unknown_exception`, `ambiguous_exception`, or `bad_request` for a finding
    that is accepted through a wider suppression.
    """
    return await _revoke(
        context,
        lambda ledger: _find_suppression(ledger, request.id),
        request,
        dry_run=request.dry_run,
    )


async def reset_severity(
    context: HandlerContext, request: SeverityResetRequest
) -> SuppressionReply:
    """Reset the severity of a check's findings at a site to that of the check."""

    def find(ledger: Ledger) -> SuppressionRecord:
        name = check_names(context, ledger).meant(request.check) or request.check
        scope = ("severity", name, request.site)
        for one in ledger.suppressions.live([]):
            if scope_of(one) == scope:
                return one
        what = f"check {name!r:.100} has no other severity at site {request.site!r:.100}"
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, what)

    return await _revoke(context, find, request, dry_run=request.dry_run)


async def _revoke(
    context: HandlerContext,
    find: Callable[[Ledger], SuppressionRecord],
    request: UnacceptRequest | SeverityResetRequest,
    *,
    dry_run: bool,
) -> SuppressionReply:
    now = clock.now()

    def work(ledger: Ledger) -> SuppressionReply:
        # In the transaction: of two that revoke it at once only the first one changes something.
        one = find(ledger)
        changed = state_of(one) == "live" and not dry_run
        if changed:
            by, reason = request.by[:MAX_TEXT], request.reason[:MAX_TEXT]
            one = suppressions.revoke(ledger, one, now, by, reason)
        number = suppressions.Lookup(ledger).number(one)
        return SuppressionReply(exception=one, findings=number, changed=changed)

    return await run_transaction(context, work, dry_run=dry_run)


def _find_suppression(ledger: Ledger, id_: str) -> SuppressionRecord:
    """The suppression with that id or prefix, or that of that finding alone."""
    if (one := ledger.suppressions.get(id_)) is not None:
        return one
    if id_.startswith(FINDING_PREFIX):
        return _suppression_of_finding(ledger, id_)
    found = ledger.suppressions.with_prefix(id_, 2) if id_.removeprefix(PREFIX) else []
    if not found:
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, f"unknown exception {id_!r:.100}")
    if len(found) > 1:
        what = f"{id_!r:.100} is the start of several ids of exceptions"
        raise request_error(ErrorCode.AMBIGUOUS_EXCEPTION, what)
    return found[0]


def _suppression_of_finding(ledger: Ledger, id_: str) -> SuppressionRecord:
    record = one_finding(ledger, id_)
    for one in ledger.suppressions.live([record.target]):
        if one.finding == record.id:
            return one
    if record.accepted is None:
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, f"finding {record.id} is not accepted")
    wide = record.accepted.exception
    what = f"finding {record.id} is accepted by exception {wide}, which has a wider scope"
    raise request_error(ErrorCode.BAD_REQUEST, what)
