"""The verbs of exceptions: accept, unaccept, other severities, the list, and a file's import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.cursors import cursor, place
from stt_coordinator.control.exception_rules import MAX_TEXT, Places, faults
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.queries import FINDING_PREFIX, one_finding
from stt_coordinator.domain.suppression import scope_of, state_of
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.identity import exception_id
from stt_shared.protocol.exceptions import (
    AcceptRequest,
    ExceptionEntry,
    ExceptionInfo,
    ExceptionRecord,
    ExceptionReply,
    ExceptionsReply,
    ExceptionsRequest,
    ImportedException,
    ImportReply,
    ImportRequest,
    SeverityResetRequest,
    SeveritySetRequest,
    UnacceptRequest,
)

STATES = ("live", "ended", "revoked", "all")
PREFIX = "x_"
MAX_TOLD = 20  # faults of one file
R = TypeVar("R")


async def accept(context: HandlerContext, request: AcceptRequest) -> ExceptionReply:
    """Accept a finding, or a check on a target, a label or a site, until a day."""
    entry = ExceptionEntry(
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
    return await _make(context, entry, dry_run=request.dry_run)


async def set_severity(context: HandlerContext, request: SeveritySetRequest) -> ExceptionReply:
    """Let findings of a check at a site count as of another severity."""
    entry = ExceptionEntry(
        id="",
        reason=request.reason,
        by=request.by,
        check=request.check,
        site=request.site,
        severity=request.severity,
        until=request.until,
    )
    return await _make(context, entry, dry_run=request.dry_run)


async def _make(context: HandlerContext, entry: ExceptionEntry, *, dry_run: bool) -> ExceptionReply:
    now = clock.now()

    def make(ledger: Ledger) -> ExceptionReply:
        named = _named(context, ledger, entry, exact=False)
        named = msgspec.structs.replace(named, id=exception_id("/".join(_scope(named)), now))
        for code, sentence in faults(context, ledger, named, now, Places(ledger)):
            raise request_error(code, sentence)
        one = _record(named, None, now)
        look = suppressions.Lookup(ledger)
        other = look.rival(one)
        if not dry_run:
            suppressions.record(ledger, [one], now)
        return ExceptionReply(
            exception=one,
            findings=look.number(one),
            changed=not dry_run,
            replaced=other.id if other is not None else "",
        )

    return await _done(context, make, dry_run=dry_run)


async def _done(context: HandlerContext, work: Callable[[Ledger], R], *, dry_run: bool) -> R:
    if dry_run:
        return await context.store.read(work)
    found = await context.store.transact(work)
    context.wakeups.store_changed()
    return found


def _scope(entry: ExceptionEntry) -> tuple[str, ...]:
    return (entry.finding, entry.check, entry.target, entry.label, entry.site)


def _named(
    context: HandlerContext, ledger: Ledger, entry: ExceptionEntry, *, exact: bool
) -> ExceptionEntry:
    """With the check's own name, and for a finding with its check and target.

    Unless `exact` the beginning of a finding's id stands for it, if only one begins so.
    """
    if entry.finding:
        found = ledger.findings.by_id([entry.finding]) if exact else []
        if not exact:
            found = [one_finding(ledger, entry.finding)]
        for one in found:
            return msgspec.structs.replace(
                entry, finding=one.id, check=one.check, target=entry.target or one.target
            )
        return entry
    check = context.library.catalogue.find(entry.check) if entry.check else None
    return entry if check is None else msgspec.structs.replace(entry, check=check.name)


def _record(
    entry: ExceptionEntry, known: ExceptionRecord | None, now: datetime, imported_by: str = ""
) -> ExceptionRecord:
    """The exception of an entry; one that is known and gets another last day is reminded of."""
    same_end = known is not None and known.until == entry.until
    return ExceptionRecord(
        id=entry.id,
        reason=entry.reason.strip(),
        by=entry.by,
        created=entry.created or now,
        finding=entry.finding,
        check=entry.check,
        target=entry.target,
        label=entry.label,
        site=entry.site,
        severity=entry.severity,
        until=entry.until,
        imported_by=imported_by,
        reminded=known.reminded if known is not None and same_end else None,
    )


async def unaccept(context: HandlerContext, request: UnacceptRequest) -> ExceptionReply:
    """Revoke an exception; twice is once."""
    return await _revoke(
        context, lambda ledger: _find(ledger, request.id), request, dry_run=request.dry_run
    )


async def reset_severity(context: HandlerContext, request: SeverityResetRequest) -> ExceptionReply:
    """Let findings of a check at a site count as what the check says."""

    def find(ledger: Ledger) -> ExceptionRecord:
        check = context.library.catalogue.find(request.check)
        name = check.name if check is not None else request.check
        scope = ("severity", name, request.site)
        for one in ledger.suppressions.live([]):
            if scope_of(one) == scope:
                return one
        what = f"check {name!r:.100} has no other severity at site {request.site!r:.100}"
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, what)

    return await _revoke(context, find, request, dry_run=request.dry_run)


async def _revoke(
    context: HandlerContext,
    find: Callable[[Ledger], ExceptionRecord],
    request: UnacceptRequest | SeverityResetRequest,
    *,
    dry_run: bool,
) -> ExceptionReply:
    now = clock.now()

    def work(ledger: Ledger) -> ExceptionReply:
        one = find(ledger)
        changed = state_of(one, now) == "live" and not dry_run
        if changed:
            by, reason = request.by[:MAX_TEXT], request.reason[:MAX_TEXT]
            one = suppressions.revoke(ledger, one, now, by, reason)
        number = suppressions.Lookup(ledger).number(one)
        return ExceptionReply(exception=one, findings=number, changed=changed)

    return await _done(context, work, dry_run=dry_run)


def _find(ledger: Ledger, id_: str) -> ExceptionRecord:
    """The exception of that id or beginning, or the one that is for that finding alone."""
    if (one := ledger.suppressions.get(id_)) is not None:
        return one
    if id_.startswith(FINDING_PREFIX):
        return _of_finding(ledger, id_)
    found = ledger.suppressions.with_prefix(id_, 2) if id_.removeprefix(PREFIX) else []
    if not found:
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, f"unknown exception {id_!r:.100}")
    if len(found) > 1:
        what = f"{id_!r:.100} is the beginning of several exceptions"
        raise request_error(ErrorCode.AMBIGUOUS_EXCEPTION, what)
    return found[0]


def _of_finding(ledger: Ledger, id_: str) -> ExceptionRecord:
    record = one_finding(ledger, id_)
    for one in ledger.suppressions.live([record.target]):
        if one.finding == record.id:
            return one
    if record.accepted is None:
        raise request_error(ErrorCode.UNKNOWN_EXCEPTION, f"finding {record.id} is not accepted")
    wide = record.accepted.exception
    what = f"finding {record.id} is accepted through exception {wide}, which is for more than it"
    raise request_error(ErrorCode.BAD_REQUEST, what)


async def listed(context: HandlerContext, request: ExceptionsRequest) -> ExceptionsReply:
    """A page of exceptions, newest first, past ones too."""
    if request.state not in STATES:
        what = f"state is {request.state!r:.40}, expected one of {', '.join(STATES)}"
        raise request_error(ErrorCode.BAD_REQUEST, what)
    limit, now, before = pages.rows(request.limit), clock.now(), place(request.after, Place)
    offset = 0 if before else max(0, request.offset)

    def look(ledger: Ledger) -> ExceptionsReply:
        found, total = ledger.suppressions.page(request.state, offset, limit + 1, before)
        number = ledger.findings.count_accepted([one.id for one in found])
        infos = [
            ExceptionInfo(exception=one, state=state_of(one, now), findings=number.get(one.id, 0))
            for one in found[:limit]
        ]
        page = tuple(pages.fitting(infos))
        last = page[-1].exception if page else None
        more = last is not None and len(page) < len(found)
        return ExceptionsReply(
            exceptions=page,
            total=total,
            next=cursor((clock.to_text(last.created), last.id)) if last and more else "",
        )

    return await context.store.read(look)


async def imported(context: HandlerContext, request: ImportRequest) -> ImportReply:
    """Enter the exceptions of a file: all, or none if one is wrong. Twice is once.

    What is over here stays so, whatever the file says.
    """
    now = clock.now()

    def work(ledger: Ledger) -> ImportReply:
        plan = [_planned(context, ledger, one, request.by, now) for one in request.exceptions]
        places = Places(ledger)
        wrong = [
            f"{step.entry.id!r:.80}: {sentence}"
            for step in plan
            for sentence in _wrong(context, ledger, step, now, places)
        ]
        wrong.extend(_twice(step.entry for step in plan if step.is_news))
        if wrong:
            raise request_error(ErrorCode.BAD_REQUEST, _told(wrong))
        if not request.dry_run:
            news = [_record(s.entry, s.known, now, request.by) for s in plan if s.is_news]
            suppressions.record(ledger, news, now)
        return ImportReply(
            exceptions=tuple(ImportedException(id=s.entry.id, what=s.what) for s in plan)
        )

    return await _done(context, work, dry_run=request.dry_run)


class _Step(msgspec.Struct, frozen=True):
    """An entry of a file, what is known under its id, and what comes of it."""

    entry: ExceptionEntry
    known: ExceptionRecord | None
    what: str

    @property
    def is_news(self) -> bool:
        return self.what in ("added", "updated")


def _planned(
    context: HandlerContext, ledger: Ledger, entry: ExceptionEntry, by: str, now: datetime
) -> _Step:
    known = ledger.suppressions.get(entry.id)
    entry = _named(context, ledger, entry, exact=True)
    entry = msgspec.structs.replace(
        entry,
        reason=entry.reason.strip(),
        by=entry.by or (known.by if known is not None else by),
        created=entry.created or (known.created if known is not None else now),
    )
    if known is None:
        is_over = entry.until is not None and entry.until < now.date()
        return _Step(entry, None, "ended" if is_over else "added")
    if state_of(known, now) != "live":
        return _Step(entry, known, state_of(known, now))
    return _Step(entry, known, "unchanged" if _entry(known) == entry else "updated")


def _entry(one: ExceptionRecord) -> ExceptionEntry:
    return ExceptionEntry(**{name: getattr(one, name) for name in ExceptionEntry.__struct_fields__})


def _wrong(
    context: HandlerContext, ledger: Ledger, step: _Step, now: datetime, places: Places
) -> list[str]:
    if not step.is_news:
        return []
    found = [sentence for _, sentence in faults(context, ledger, step.entry, now, places)]
    known = step.known
    if known is not None and scope_of(known) != scope_of(_record(step.entry, None, now)):
        found.append("it is for something else here, which needs an id of its own")
    return found


def _twice(entries: Iterable[ExceptionEntry]) -> list[str]:
    every = list(entries)
    ids = Counter(one.id for one in every)
    scopes = Counter((*_scope(one), one.severity is None) for one in every)
    return [
        *(f"{id_!r:.80}: the id stands there {n} times" for id_, n in ids.items() if n > 1),
        *(
            f"{one.id!r:.80}: another entry is for the same"
            for one in every
            if scopes[*_scope(one), one.severity is None] > 1 and ids[one.id] == 1
        ),
    ]


def _told(wrong: Sequence[str]) -> str:
    # One line: a refusal travels in a header.
    more = f"; ... and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
    return "nothing was imported: " + "; ".join(wrong[:MAX_TOLD]) + more
