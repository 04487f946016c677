"""Decides whether a result is recorded: by its sender, and by whether it is consistent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stt_coordinator.domain.intake.installations import plain_name
from stt_coordinator.domain.model import JobRecord, TargetRecord
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import MAX_FINDINGS, CheckOutcome, Result

UNKNOWN_JOB = "unknown_job"
WRONG_JOB = "wrong_job"
NO_NONCE = "no_nonce"
WRONG_NONCE = "wrong_nonce"
NOT_ANNOUNCED = "not_announced"
REPLAYED = "replayed"
UNASKED_CHECK = "unasked_check"
REPEATED_CHECK = "repeated_check"
FAILED_WITHOUT_FINDING = "failed_without_finding"
UNEXPECTED_FINDING = "unexpected_finding"
MISSING_KIND = "missing_kind"
REPEATED_FINDING = "repeated_finding"
TOO_MANY_FINDINGS = "too_many_findings"
UNANNOUNCED_OUTBOX = "unannounced_outbox"

CODES = (
    *(UNKNOWN_JOB, WRONG_JOB, NO_NONCE, WRONG_NONCE, NOT_ANNOUNCED, REPLAYED, UNASKED_CHECK),
    *(REPEATED_CHECK, FAILED_WITHOUT_FINDING, UNEXPECTED_FINDING, MISSING_KIND, REPEATED_FINDING),
    *(TOO_MANY_FINDINGS, UNANNOUNCED_OUTBOX),
)
MAY_HAVE_FINDINGS = (Outcome.FAILED, Outcome.ERROR)  # an error keeps the good ones
NEEDS_KIND = (Outcome.SKIPPED, Outcome.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a result is not recorded: a code for counting, and a sentence."""

    code: str
    reason: str


def refusal_of(
    result: Result, job: JobRecord | None, target: TargetRecord | None, *, nonce_required: bool
) -> Refusal | None:
    """Why `result` is refused, or None; `job` is the one that it names, `target` that of the job.

    The order matters: outcomes are inspected only after the sender is verified.
    """
    if job is None:
        return Refusal(code=UNKNOWN_JOB, reason=f"no job {result.job_id!r:.200} was planned here")
    if (job.target, job.family, job.site) != (result.target, result.family, result.site):
        what = f"job {job.job_id} is of target {job.target}, not {result.target}"
        return Refusal(code=WRONG_JOB, reason=what)
    if not 1 <= result.dispatch <= job.dispatch:
        # Evidence is ordered by it: a number that was never issued would stay the newest.
        what = f"job {job.job_id} was issued {job.dispatch} times, not {result.dispatch}"
        return Refusal(code=WRONG_JOB, reason=what)
    return (
        _sender(result, job, nonce_required=nonce_required)
        or _announcer(result, job, target)
        or _outcomes(job, result.outcomes)
    )


def execution_of(result: Result) -> str:
    """What a worker does once: its outbox sends it again as it is, and nothing else twice."""
    return f"{result.worker} {result.execution}"


def replayed(result: Result) -> Refusal:
    """The refusal of an execution that was recorded from another message."""
    what = (
        f"execution {result.execution} of job {result.job_id} by worker {result.worker} was"
        " recorded from another message"
    )
    return Refusal(code=REPLAYED, reason=what)


def _sender(result: Result, job: JobRecord, *, nonce_required: bool) -> Refusal | None:
    """The job's nonce proves that the sender received a dispatch of it."""
    if result.nonce and result.nonce in job.nonces:
        return None
    if result.nonce:
        what = f"the nonce of the result is of no dispatch of job {job.job_id}"
        return Refusal(code=WRONG_NONCE, reason=what)
    if not nonce_required:
        return None
    what = f"the result of job {job.job_id} by worker {result.worker} has no nonce"
    return Refusal(code=NO_NONCE, reason=what)


def _announcer(result: Result, job: JobRecord, target: TargetRecord | None) -> Refusal | None:
    """A worker answers only for targets that it announces, or announced at the dispatch."""
    announcing = {*job.workers, *(target.workers if target is not None else ())}
    if result.worker in map(plain_name, announcing):
        return None
    what = f"worker {result.worker} does not announce target {job.target} of job {job.job_id}"
    return Refusal(code=NOT_ANNOUNCED, reason=what)


def _outcomes(job: JobRecord, outcomes: Iterable[CheckOutcome]) -> Refusal | None:
    asked = {ref.check for ref in job.checks}
    seen: set[str] = set()
    for one in outcomes:
        if one.check not in asked:
            what = f"job {job.job_id} does not ask for check {one.check!r:.100}"
            return Refusal(code=UNASKED_CHECK, reason=what)
        if one.check in seen:
            what = f"check {one.check} has more than one outcome in job {job.job_id}"
            return Refusal(code=REPEATED_CHECK, reason=what)
        seen.add(one.check)
        found = _contradiction(one)
        if found is not None:
            return found
    return None


def _contradiction(one: CheckOutcome) -> Refusal | None:
    """What in one outcome contradicts itself."""
    if one.outcome is Outcome.FAILED and not one.findings:
        what = f"check {one.check} failed and has no finding"
        return Refusal(code=FAILED_WITHOUT_FINDING, reason=what)
    if one.findings and one.outcome not in MAY_HAVE_FINDINGS:
        what = f"check {one.check} is {one.outcome} and has findings"
        return Refusal(code=UNEXPECTED_FINDING, reason=what)
    if one.kind is None and one.outcome in NEEDS_KIND:
        return Refusal(
            code=MISSING_KIND, reason=f"check {one.check} is {one.outcome} and has no kind"
        )
    # No worker sends more, and no row of a report holds many more.
    if len(one.findings) > MAX_FINDINGS:
        what = f"check {one.check} has {len(one.findings)} findings, the limit is {MAX_FINDINGS}"
        return Refusal(code=TOO_MANY_FINDINGS, reason=what)
    keys = [finding.key for finding in one.findings]
    if len(keys) != len(set(keys)):
        what = f"check {one.check} has more than one finding of the same key"
        return Refusal(code=REPEATED_FINDING, reason=what)
    return None
