"""What one answer to a job changes: which outcomes are news, and the rows that they leave."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.causes import believed
from stt_coordinator.domain.intake.admission import execution_of
from stt_coordinator.domain.model import (
    LEARNED,
    Confirmation,
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
    outcomes = [
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
    return believed(outcomes)


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
        learned=frozenset(one.check for one in result.outcomes if one.outcome in LEARNED),
    )


def news_of(
    job: JobRecord, outcomes: Iterable[CheckOutcome], evidence: Evidence
) -> list[CheckOutcome]:
    """Those of `outcomes` that change the job."""
    before = {one.check: one for one in job.outcomes}
    wanted = {ref.check for ref in job.checks}
    return [
        one
        for one in outcomes
        if _is_news(job, before.get(one.check), one, evidence)
        and (one.check in wanted or one.check in before)
    ]


def _is_news(
    job: JobRecord, before: CheckOutcome | None, outcome: CheckOutcome, evidence: Evidence
) -> bool:
    """Whether an outcome replaces `before`: a passed or failed one replaces all but its like."""
    if before is None:
        return True
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


def is_same(before: Pair, outcome: CheckOutcome, evidence: Evidence) -> bool:
    """Whether newer evidence only confirms a pair: see `confirmed`."""
    return (
        before.order < evidence.order
        and before.outcome is outcome.outcome
        and before.kind is outcome.kind
        and before.reason == outcome.reason
        and before.parts_not_checked == outcome.parts_not_checked
        and (before.site, before.family) == (evidence.site, evidence.family)
    )


def confirmed(pair: Pair, newer: Evidence | Confirmation) -> Pair:
    """The pair after `newer` evidence for which it `is_same`."""
    return msgspec.structs.replace(
        pair,
        run_id=newer.run_id,
        started=newer.started,
        finished=newer.finished,
        order=newer.order,
        verdict=newer.order if pair.outcome in LEARNED else pair.verdict,
    )


def confirmation_of(
    evidence: Evidence, checks: Iterable[str], findings: Iterable[str]
) -> Confirmation:
    """What an answer repeats of checks and findings (ids) of its target."""
    return Confirmation(
        run_id=evidence.run_id,
        started=evidence.started,
        finished=evidence.finished,
        order=evidence.order,
        checks=tuple(checks),
        findings=tuple(findings),
    )


def without(
    known: Iterable[Confirmation], *, checks: Container[str] = (), findings: Container[str] = ()
) -> tuple[Confirmation, ...]:
    """The confirmations of a target without those of some checks and findings."""
    left = (
        msgspec.structs.replace(
            one,
            checks=tuple(name for name in one.checks if name not in checks),
            findings=tuple(id_ for id_ in one.findings if id_ not in findings),
        )
        for one in known
    )
    return tuple(one for one in left if one.checks or one.findings)


def with_newer(
    known: Iterable[Confirmation], newer: Sequence[Confirmation]
) -> tuple[Confirmation, ...]:
    """The confirmations of a target after newer ones: each check and finding is in its newest."""
    checks = {name for one in newer for name in one.checks}
    findings = {id_ for one in newer for id_ in one.findings}
    return (*newer, *without(known, checks=checks, findings=findings))


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
