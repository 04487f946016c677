"""The verb `exceptions-import`: the suppressions of a file, all or none."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stt_coordinator.control.check_names import CheckNames, check_names
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.suppressions.entries import resolve_names, run_transaction
from stt_coordinator.control.suppressions.rules import Places, faults
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.suppressions import (
    ImportedSuppression,
    ImportReply,
    ImportRequest,
    SuppressionEntry,
    SuppressionRecord,
)
from stt_shared.report import readable
from stt_shared.suppression.entries import duplicates, suppression_of
from stt_shared.suppression.rule import scope_of, state_of

MAX_FAULTS = 20  # of one file, in one reply
WRITTEN = ("added", "updated")


class ImportStep(msgspec.Struct, frozen=True):
    """An entry of a file, the suppression with its id, and what the import does with it."""

    entry: SuppressionEntry
    known: SuppressionRecord | None
    what: str

    @property
    def is_written(self) -> bool:
        """Whether the import adds or updates the suppression."""
        return self.what in WRITTEN


async def import_suppressions(context: HandlerContext, request: ImportRequest) -> ImportReply:
    """Record the suppressions of a file: all, or none if one is wrong. Idempotent.

    A suppression that has ended or was revoked here stays so, whatever the file has. Raises
    RequestError `bad_request` with the faults.
    """
    now = clock.now()

    def work(ledger: Ledger) -> ImportReply:
        # All planned before the first is written: a file with one fault changes nothing.
        names = check_names(context, ledger)
        steps = [plan_step(names, ledger, one, request.by, now) for one in request.exceptions]
        written, places = [step for step in steps if step.is_written], Places(ledger)
        wrong: list[str] = []
        for step in written:
            found = [sentence for _, sentence in faults(names, ledger, step.entry, now, places)]
            new = suppression_of(step.entry, None, now)
            if step.known is not None and scope_of(step.known) != scope_of(new):
                found.append("the stored exception with this id has another scope: use a new id")
            wrong += (f"{step.entry.id!r:.80}: {sentence}" for sentence in found)
        wrong += duplicates([step.entry for step in written])
        if wrong:
            # One line: the error travels in a header.
            named = readable.first_names(wrong, MAX_FAULTS, separator="; ")
            raise request_error(ErrorCode.BAD_REQUEST, f"nothing was imported: {named}")
        if not request.dry_run:
            news = [suppression_of(one.entry, one.known, now, request.by) for one in written]
            suppressions.record(ledger, news, now)
        return ImportReply(
            exceptions=tuple(ImportedSuppression(id=s.entry.id, what=s.what) for s in steps)
        )

    return await run_transaction(context, work, dry_run=request.dry_run)


def plan_step(
    names: CheckNames, ledger: Ledger, entry: SuppressionEntry, by: str, now: datetime
) -> ImportStep:
    """What the import does with an entry; what the entry leaves out is as it was, or as of now."""
    known = ledger.suppressions.get(entry.id)
    entry = resolve_names(names, ledger, entry, exact=True)
    entry = msgspec.structs.replace(
        entry,
        reason=entry.reason.strip(),
        by=entry.by or (known.by if known is not None else by),
        created=entry.created or (known.created if known is not None else now),
    )
    if known is None:
        is_over = entry.until is not None and entry.until < now.date()
        return ImportStep(entry, None, "ended" if is_over else "added")
    if state_of(known) != "live":
        return ImportStep(entry, known, state_of(known))
    fields = {name: getattr(known, name) for name in SuppressionEntry.__struct_fields__}
    is_same = SuppressionEntry(**fields) == entry
    return ImportStep(entry, known, "unchanged" if is_same else "updated")
