"""What one answer to a job changes: which outcomes are news, and the rows that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.intake.admission import execution_of
from stt_coordinator.domain.model import (
    LEARNED,
    Evidence,
    JobRecord,
    JobState,
    Order,
    Pair,
    TargetRecord,
)
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Result

MAX_EXECUTIONS = 8  # of a job that are remembered
MAX_REASON = 500  # characters of what a worker says of all checks that it left out


def complete_outcomes(job: JobRecord, result: Result) -> list[CheckOutcome]:
    """An outcome for every check of the job: one that the worker left out was not checked."""
    kind, reason = Kind.TOO_LARGE, result.left_out[:MAX_REASON]
    if not reason:
        kind = Kind.UNKNOWN_CHECK
        reason = f"the result of worker {result.worker} has no outcome of this check"
    by_check = {outcome.check: outcome for outcome in result.outcomes}
    return [
        by_check.get(ref.check)
        or CheckOutcome(
            check=ref.check,
            digest=ref.digest,
            outcome=Outcome.ERROR,
            kind=kind,
            reason=reason,
        )
        for ref in job.checks
    ]


def evidence_of(job: JobRecord, result: Result, order: Order, now: datetime) -> Evidence:
    """Where and when the result was obtained: its times lie between the job's creation and `now`.

    The times are for people to read, `order` decides what is newer.
    """
    started = min(max(result.started, job.created), now)
    return Evidence(
        order=order,
        run_id=job.run_id,
        target=job.target,
        family=job.family,
        site=job.site,
        started=started,
        finished=min(max(result.finished, started), now),
        facts=result.facts,
        execution=execution_of(result),
    )


def is_news(job: JobRecord, outcome: CheckOutcome, evidence: Evidence) -> bool:
    """Whether an outcome changes the job: a passed or failed one replaces all but its like."""
    before = next((one for one in job.outcomes if one.check == outcome.check), None)
    if before is None:
        return any(ref.check == outcome.check for ref in job.checks)
    # A verdict stands: an error of a later delivery of the same job must not replace it.
    if before.outcome in LEARNED:
        return False
    return outcome.outcome in LEARNED or evidence.order.dispatch > job.answered


def answered(
    job: JobRecord, outcomes: Sequence[CheckOutcome], evidence: Evidence, state: JobState
) -> JobRecord:
    """The job with those of `outcomes` that are of its checks."""
    wanted = {ref.check for ref in job.checks}
    return msgspec.structs.replace(
        job,
        state=state,
        outcomes=tuple(one for one in outcomes if one.check in wanted),
        answered=evidence.order.dispatch,
        started=evidence.started,
        executions=(*job.executions, *filter(None, [evidence.execution]))[-MAX_EXECUTIONS:],
    )


def latest_pair(before: Pair | None, outcome: CheckOutcome, evidence: Evidence) -> Pair:
    """The latest outcome of a check on a target: older evidence never replaces newer."""
    verdict: Order | None = before.verdict if before else None
    if outcome.outcome in LEARNED and (verdict is None or verdict < evidence.order):
        verdict = evidence.order
    # Late evidence of an earlier run: its verdict may be the newest one, its outcome is not.
    if before is not None and before.order > evidence.order:
        return msgspec.structs.replace(before, verdict=verdict)
    return Pair(
        target=evidence.target,
        check=outcome.check,
        family=evidence.family,
        site=evidence.site,
        outcome=outcome.outcome,
        kind=outcome.kind,
        reason=outcome.reason,
        run_id=evidence.run_id,
        started=evidence.started,
        finished=evidence.finished,
        order=evidence.order,
        verdict=verdict,
        parts_not_checked=outcome.parts_not_checked,
    )


def checked_target(
    row: TargetRecord, outcomes: Sequence[CheckOutcome], evidence: Evidence
) -> TargetRecord:
    """The target after an answer: checked, or unchecked with the reason of an outcome."""
    # Late evidence of an earlier run: the target must not look as it was then.
    if row.order > evidence.order:
        return row
    learned = any(outcome.outcome in LEARNED for outcome in outcomes)
    meant = (one for one in outcomes if one.kind is not Kind.NOT_APPLICABLE)
    why = None if learned else next(meant, outcomes[0] if outcomes else None)
    return msgspec.structs.replace(
        row,
        order=evidence.order,
        last_started=evidence.started,
        learned=learned,
        last_checked=evidence.finished if learned else row.last_checked,
        kind=why.kind if why else None,
        reason=why.reason if why else "",
        facts=evidence.facts or row.facts,
    )
