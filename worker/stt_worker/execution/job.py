"""Runs the checks of one job and returns an outcome for each, whatever fails."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from stt_shared import clock
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.checkfile.variants import unsupported
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, CheckRef, Facts, Job
from stt_shared.telemetry import traces
from stt_shared.telemetry.logs import LEVELS, bound, logger
from stt_worker.databases.inspection import EncodedInspection, Inspector, View
from stt_worker.databases.port import Endpoint, Failure, InspectionError, Limits
from stt_worker.execution import sanitize
from stt_worker.execution.causes import joined
from stt_worker.execution.parts import nowhere_asked, parts_of, with_parts
from stt_worker.execution.plan import JobPlan, Plan, Planner, failure_of
from stt_worker.execution.verdict import ended, fit, outcome_of
from stt_worker.sandbox.port import Sandbox, Task

JOB_DEADLINE_S = 600.0  # for all questions and scripts of one job
OUTCOMES_BYTES = MAX_MESSAGE_BYTES - 32 * 1024  # the rest is for the other fields of a result
MAX_VERSION_CHARACTERS = 500
LIMITS = Limits()
_LOG = logger("execution")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDependencies:
    """The parts that run the checks of one family."""

    inspector: Inspector
    catalogue: Catalogue
    sandbox: Sandbox
    planner: Planner = field(default_factory=Planner)
    limits: Limits = LIMITS
    deadline_s: float = JOB_DEADLINE_S


EndpointOf = Callable[[], Awaitable[Endpoint]]
Examined = tuple[Facts | None, tuple[CheckOutcome, ...]]


async def execute(
    job: Job, endpoint_of: EndpointOf, dependencies: CheckDependencies, *, now: datetime
) -> Examined:
    """Run the checks of `job`; returns the facts, if known, and an outcome per check.

    Never raises: an error becomes the outcome of its check. Scripts use `now` as the current
    time. The outcomes fit into one result.
    """
    checks, outcomes = _known(job, dependencies.catalogue)
    facts: Facts | None = None
    if checks:
        try:
            # One limit for all: a server that always answers just in time must not hold the job for
            # hours.
            async with asyncio.timeout(dependencies.deadline_s):
                facts, found = await _examine(checks, endpoint_of, dependencies, now)
        except InspectionError as error:
            found = _all(checks, error.kind, error.reason)
        except TimeoutError:
            why = f"the job did not finish within {dependencies.deadline_s:g} s"
            found = _all(checks, Kind.TIMEOUT, why)
        except Exception as error:  # noqa: BLE001  # an edge: a bug in a driver must cost one job only
            name = type(error).__name__
            _LOG.error("job_crashed", error=name, trace=traceback.format_exc())
            found = _all(checks, Kind.QUERY, f"internal error {name}, see the worker's log")
        outcomes |= {outcome.check: outcome for outcome in found}
    _log_outcomes(outcomes.values(), now)
    return facts, one_fact_one_finding([outcomes[ref.check] for ref in job.checks], OUTCOMES_BYTES)


def one_fact_one_finding(outcomes: Sequence[CheckOutcome], limit: int) -> tuple[CheckOutcome, ...]:
    """All outcomes of a job with at most `limit` bytes as JSON: each fact is one finding.

    Where no room is left to say what is part of what, each finding stands by itself.
    """
    # In this order: a cause that was left out for its size would take others with it.
    fitting = fit(outcomes, limit)
    found = joined(fitting)
    if found is fitting or len(msgspec.json.encode(found)) > limit:
        return fitting
    return tuple(found)


def _log_outcomes(outcomes: Iterable[CheckOutcome], begun: datetime) -> None:
    """Log and trace each outcome; all start with the job, because checks share questions."""
    tracing = traces.get()
    if not tracing.on and not _LOG.is_enabled_for(LEVELS["debug"]):
        return
    for one in outcomes:
        result = {"outcome": str(one.outcome), "kind": str(one.kind or "")}
        about: traces.About = {**result, "check": one.check, "findings": len(one.findings)}
        tracing.begin("check", about, begun=begun).end()
        with bound(check=one.check):
            _LOG.debug("check_finished", findings=len(one.findings), **result)


def not_run(
    checks: Iterable[CheckRef], outcome: Outcome, kind: Kind, reason: str
) -> tuple[CheckOutcome, ...]:
    """The same outcome for checks that are not run."""
    return tuple(
        CheckOutcome(check=ref.check, digest=ref.digest, outcome=outcome, kind=kind, reason=reason)
        for ref in checks
    )


def _known(job: Job, catalogue: Catalogue) -> tuple[list[Check], dict[str, CheckOutcome]]:
    """The checks of `job` to run, and the outcomes of checks that cannot run."""
    checks: dict[str, Check] = {}
    outcomes: dict[str, CheckOutcome] = {}
    for ref in job.checks:
        check = catalogue.get(ref.check, ref.digest)
        if check is None:
            mine = catalogue.named(ref.check)
            has = f"has {mine.digest[:12]}" if mine else "has no check of that name"
            why = (
                f"the job requires {ref.check} {ref.digest[:12]}, this worker {has}:"
                " use the same version of coordinator and worker"
            )
            outcomes[ref.check] = not_run([ref], Outcome.ERROR, Kind.UNKNOWN_CHECK, why)[0]
        elif check.family is not job.family:
            why = f"the check is for {check.family}, the target is {job.family}"
            outcomes[ref.check] = ended(check, Outcome.SKIPPED, Kind.NOT_APPLICABLE, why)
        elif why := unsupported(check):
            outcomes[ref.check] = ended(check, Outcome.SKIPPED, Kind.UNSUPPORTED, why)
        else:
            checks[ref.check] = check
    return list(checks.values()), outcomes


def _all(checks: Iterable[Check], kind: Kind, reason: str) -> list[CheckOutcome]:
    outcome = Outcome.SKIPPED if kind is Kind.NOT_APPLICABLE else Outcome.ERROR
    return [ended(check, outcome, kind, reason) for check in checks]


async def _examine(
    checks: Sequence[Check], endpoint_of: EndpointOf, dependencies: CheckDependencies, now: datetime
) -> tuple[Facts, list[CheckOutcome]]:
    started = clock.monotonic()
    endpoint = await endpoint_of()
    plans: list[JobPlan] = []

    def choose(facts: Facts) -> Sequence[View]:
        plans[:] = [dependencies.planner.plan(checks, facts)]
        return plans[0].views

    with traces.get().span("inspect"):
        inspection = await dependencies.inspector.inspect(endpoint, choose, dependencies.limits)
    # Bounded: the server chooses this text, and it goes into every result.
    version_text = sanitize.text(inspection.facts.version_text, MAX_VERSION_CHARACTERS)
    facts = msgspec.structs.replace(inspection.facts, version_text=version_text)
    outcomes = await _run_scripts(plans[0], inspection, facts, dependencies, now)
    took = round((clock.monotonic() - started) * 1_000, 3)
    return facts, [msgspec.structs.replace(one, duration_ms=took) for one in outcomes]


async def _run_scripts(
    job: JobPlan,
    inspection: EncodedInspection,
    facts: Facts,
    dependencies: CheckDependencies,
    now: datetime,
) -> list[CheckOutcome]:
    outcomes: list[CheckOutcome] = []
    ready: list[tuple[Plan, Task]] = []
    answers = [inspection.answers[view] for view in job.views]
    # Views are slow to hash: checks look up their own only if any answer failed.
    whole = not any(isinstance(one, Failure) for one in answers)
    for planned, task in zip(job.plans, job.tasks, strict=True):
        if task is None:
            why = planned.not_applicable
            outcomes.append(ended(planned.check, Outcome.SKIPPED, Kind.NOT_APPLICABLE, why))
        elif failure := nowhere_asked(planned, inspection) or (
            None if whole else failure_of(planned, inspection.answers)
        ):
            outcomes.append(failed(planned.check, failure, facts))
        else:
            ready.append((planned, task))
    given = [b"" if isinstance(one, Failure) else one for one in answers]
    context = context_of(facts, dependencies.catalogue, now)
    # All scripts in one call: each call costs a round trip to the sandbox's process.
    tasks = [task for _, task in ready]
    verdicts = await dependencies.sandbox.run(tasks, given, context) if tasks else []
    for (planned, _), verdict in zip(ready, verdicts, strict=True):
        outcome = outcome_of(planned.check, verdict)
        outcomes.append(with_parts(outcome, parts_of(planned, inspection)))
    return outcomes


def context_of(facts: Facts, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    """The values in the `context` of scripts, beside the functions."""
    return {
        "server": msgspec.to_builtins(facts),
        "releases": catalogue.releases,
        "now": clock.unix_nanoseconds(now),
    }


def failed(check: Check, failure: Failure, facts: Facts) -> CheckOutcome:
    """The outcome of a check with a failed question; names the missing privileges."""
    reason = failure.reason
    if failure.kind is Kind.NO_PRIVILEGE:
        grants = check.privileges.get(facts.flavour) or check.privileges.get(check.family) or ()
        reason += f"; the check needs: {'; '.join(grants)}" if grants else ""
    return ended(check, Outcome.ERROR, failure.kind, reason)
