"""The databases of a server that a check left out: named in its outcome, never a silent pass."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, PartNotChecked
from stt_worker.databases.inspection import EncodedInspection
from stt_worker.databases.port import Failure
from stt_worker.execution import sanitize
from stt_worker.execution.plan import Plan

MAX_PARTS = 1_000  # of one outcome
MAX_REASON_CHARACTERS = 200
NOTHING = b"{}"  # the answer to a question with `all_dbs` that no database was asked
VERDICTS = frozenset({Outcome.PASSED, Outcome.FAILED})


def parts_of(planned: Plan, found: EncodedInspection) -> tuple[PartNotChecked, ...]:
    """The databases that at least one question of the check was not asked in, by name."""
    if not found.parts:  # nearly always: nothing to gather for each check of a job
        return ()
    by_name = {
        part.name: part
        for view in planned.views
        for part in reversed(found.parts.get(view.question, ()))
    }
    return tuple(_bounded(part) for _, part in sorted(by_name.items()))


def _bounded(part: PartNotChecked) -> PartNotChecked:
    return PartNotChecked(
        name=sanitize.text(part.name),  # as a label `database` of a finding is: they are compared
        kind=part.kind,
        reason=sanitize.text(part.reason, MAX_REASON_CHARACTERS),
    )


def nowhere_asked(planned: Plan, found: EncodedInspection) -> Failure | None:
    """Why a check has no answer although none of its questions failed: every database was left out.

    Without this an empty answer would pass.
    """
    if not found.parts:
        return None
    for view in planned.views:
        parts = found.parts.get(view.question, ())
        if parts and found.answers[view] == NOTHING:
            first = parts[0]
            why = f"no database could be asked: {first.name}: {first.reason}"
            return Failure(kind=first.kind, reason=why)
    return None


def with_parts(outcome: CheckOutcome, parts: tuple[PartNotChecked, ...]) -> CheckOutcome:
    """A verdict with what it does not cover; an outcome that is none covers nothing anyway.

    One that left out more than MAX_PARTS becomes an error: without all names it would be taken
    for a verdict about databases that nobody asked.
    """
    if not parts or outcome.outcome not in VERDICTS:
        return outcome
    if len(parts) > MAX_PARTS:
        first = parts[0]
        what = f"{len(parts)} databases not checked, the limit is {MAX_PARTS}"
        reason = f"{what}; the first: {first.name}: {first.reason}"
        return msgspec.structs.replace(
            outcome, outcome=Outcome.ERROR, kind=Kind.TOO_LARGE, reason=reason
        )
    return msgspec.structs.replace(outcome, parts_not_checked=parts)
