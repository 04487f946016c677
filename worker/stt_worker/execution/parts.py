"""Names the databases that a check did not cover in its outcome, so that none passes silently."""

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
NOTHING = b"{}"  # the answer to a question with `all_dbs` if no database was asked
VERDICTS = frozenset({Outcome.PASSED, Outcome.FAILED})


def parts_of(planned: Plan, found: EncodedInspection) -> tuple[PartNotChecked, ...]:
    """The databases in which at least one question of the check was not asked, by name."""
    if not found.parts:  # almost always
        return ()
    by_name = {
        part.name: part
        for view in planned.views
        for part in reversed(found.parts.get(view.question, ()))
    }
    # Names are cleaned exactly as the label `database` of findings: the two are compared.
    return tuple(
        PartNotChecked(
            name=sanitize.text(part.name),
            kind=part.kind,
            reason=sanitize.text(part.reason, MAX_REASON_CHARACTERS),
        )
        for _, part in sorted(by_name.items())
    )


def nowhere_asked(planned: Plan, found: EncodedInspection) -> Failure | None:
    """The failure of a check whose question was asked in no database.

    Without this its empty answer would pass.
    """
    if not found.parts:
        return None
    for view in planned.views:
        parts = found.parts.get(view.question, ())
        if parts and found.answers[view] == NOTHING:
            first = parts[0]
            why = f"no database could be checked: {first.name}: {first.reason}"
            return Failure(kind=first.kind, reason=why)
    return None


def with_parts(outcome: CheckOutcome, parts: tuple[PartNotChecked, ...]) -> CheckOutcome:
    """The outcome with the databases that it does not cover, if it is a verdict.

    With more than MAX_PARTS it becomes an error: without all names it would count as a verdict
    about databases that were not asked.
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
