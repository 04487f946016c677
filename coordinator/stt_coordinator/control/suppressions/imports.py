"""The verb `exceptions-import`: the suppressions of a file, all or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.suppressions.entries import (
    resolve_names,
    run_transaction,
    scope_of_entry,
    suppression_of,
)
from stt_coordinator.control.suppressions.rules import Places, faults
from stt_coordinator.domain.suppression import scope_of, state_of
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.exceptions import (
    ExceptionEntry,
    ExceptionRecord,
    ImportedException,
    ImportReply,
    ImportRequest,
)

MAX_TOLD = 20  # faults of one file


async def import_suppressions(context: HandlerContext, request: ImportRequest) -> ImportReply:
    """Enter the exceptions of a file: all, or none if one is wrong. Twice is once.

    A suppression that has ended or was revoked here stays so, whatever the file has.
    """
    now = clock.now()

    def work(ledger: Ledger) -> ImportReply:
        plan = [_plan_step(context, ledger, one, request.by, now) for one in request.exceptions]
        places = Places(ledger)
        wrong = [
            f"{step.entry.id!r:.80}: {sentence}"
            for step in plan
            for sentence in _faults_of(context, ledger, step, now, places)
        ]
        wrong.extend(_duplicates(step.entry for step in plan if step.is_news))
        if wrong:
            raise request_error(ErrorCode.BAD_REQUEST, _import_error(wrong))
        if not request.dry_run:
            news = [suppression_of(s.entry, s.known, now, request.by) for s in plan if s.is_news]
            suppressions.record(ledger, news, now)
        return ImportReply(
            exceptions=tuple(ImportedException(id=s.entry.id, what=s.what) for s in plan)
        )

    return await run_transaction(context, work, dry_run=request.dry_run)


class _ImportStep(msgspec.Struct, frozen=True):
    """An entry of a file, what is known under its id, and what comes of it."""

    entry: ExceptionEntry
    known: ExceptionRecord | None
    what: str

    @property
    def is_news(self) -> bool:
        return self.what in ("added", "updated")


def _plan_step(
    context: HandlerContext, ledger: Ledger, entry: ExceptionEntry, by: str, now: datetime
) -> _ImportStep:
    known = ledger.suppressions.get(entry.id)
    entry = resolve_names(context, ledger, entry, exact=True)
    entry = msgspec.structs.replace(
        entry,
        reason=entry.reason.strip(),
        by=entry.by or (known.by if known is not None else by),
        created=entry.created or (known.created if known is not None else now),
    )
    if known is None:
        is_over = entry.until is not None and entry.until < now.date()
        return _ImportStep(entry, None, "ended" if is_over else "added")
    if state_of(known, now) != "live":
        return _ImportStep(entry, known, state_of(known, now))
    return _ImportStep(entry, known, "unchanged" if _entry_of(known) == entry else "updated")


def _entry_of(one: ExceptionRecord) -> ExceptionEntry:
    return ExceptionEntry(**{name: getattr(one, name) for name in ExceptionEntry.__struct_fields__})


def _faults_of(
    context: HandlerContext, ledger: Ledger, step: _ImportStep, now: datetime, places: Places
) -> list[str]:
    if not step.is_news:
        return []
    found = [sentence for _, sentence in faults(context, ledger, step.entry, now, places)]
    known = step.known
    if known is not None and scope_of(known) != scope_of(suppression_of(step.entry, None, now)):
        found.append("it is for something else here, which needs an id of its own")
    return found


def _duplicates(entries: Iterable[ExceptionEntry]) -> list[str]:
    every = list(entries)
    ids = Counter(one.id for one in every)
    scopes = Counter((*scope_of_entry(one), one.severity is None) for one in every)
    return [
        *(f"{id_!r:.80}: the id stands there {n} times" for id_, n in ids.items() if n > 1),
        *(
            f"{one.id!r:.80}: another entry is for the same"
            for one in every
            if scopes[*scope_of_entry(one), one.severity is None] > 1 and ids[one.id] == 1
        ),
    ]


def _import_error(wrong: Sequence[str]) -> str:
    # One line: a refusal travels in a header.
    more = f"; ... and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
    return "nothing was imported: " + "; ".join(wrong[:MAX_TOLD]) + more
