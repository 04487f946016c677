"""One job in, one outcome per check out: whatever the server, a query or a script does."""

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
from stt_worker.execution.parts import nowhere_asked, parts_of, with_parts
from stt_worker.execution.plan import JobPlan, Plan, Planner, failure_of
from stt_worker.execution.verdict import ended, fit, judge
from stt_worker.sandbox.port import Sandbox, Task, Verdict

JOB_DEADLINE_S = 600.0  # for all questions and scripts of one job
OUTCOMES_BYTES = MAX_MESSAGE_BYTES - 32 * 1024  # what a result leaves to its outcomes
MAX_VERSION_CHARACTERS = 500
LIMITS = Limits()
_LOG = logger("execution")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDependencies:
    """What it takes to run the checks of one family."""

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
    """Run the checks of `job`; the facts if the server told them, and an outcome per check.

    Never raises: what prevents a check is its outcome. `now` is what scripts take for the
    present. The outcomes fit into one result.
    """
    checks, outcomes = _known(job, dependencies.catalogue)
    facts: Facts | None = None
    if checks:
        try:
            async with asyncio.timeout(dependencies.deadline_s):
                facts, found = await _examine(checks, endpoint_of, dependencies, now)
        except InspectionError as error:
            found = _all(checks, error.kind, error.reason)
        except TimeoutError:
            why = f"the job did not end within {dependencies.deadline_s:g} s"
            found = _all(checks, Kind.TIMEOUT, why)
        except Exception as error:  # noqa: BLE001  # the one edge: a bug in a driver costs one job
            name = type(error).__name__
            _LOG.error("job_crashed", error=name, trace=traceback.format_exc())
            found = _all(checks, Kind.QUERY, f"internal error {name}, see the worker's log")
        outcomes |= {outcome.check: outcome for outcome in found}
    _tell(outcomes.values(), now)
    return facts, fit([outcomes[ref.check] for ref in job.checks], OUTCOMES_BYTES)


def _tell(outcomes: Iterable[CheckOutcome], begun: datetime) -> None:
    """Checks share their questions and their way through the sandbox: all begin with the job."""
    tracing = traces.get()
    if not tracing.on and not _LOG.is_enabled_for(LEVELS["debug"]):
        return
    for one in outcomes:
        said = {"outcome": str(one.outcome), "kind": str(one.kind or "")}
        about: traces.About = {**said, "check": one.check, "findings": len(one.findings)}
        tracing.begin("check", about, begun=begun).end()
        with bound(check=one.check):
            _LOG.debug("check_finished", findings=len(one.findings), **said)


def not_run(
    checks: Iterable[CheckRef], outcome: Outcome, kind: Kind, reason: str
) -> tuple[CheckOutcome, ...]:
    """The same outcome for checks that were not even tried."""
    return tuple(
        CheckOutcome(check=ref.check, digest=ref.digest, outcome=outcome, kind=kind, reason=reason)
        for ref in checks
    )


def _known(job: Job, catalogue: Catalogue) -> tuple[list[Check], dict[str, CheckOutcome]]:
    """The checks of `job` to run, and the outcomes of those that cannot be."""
    checks: dict[str, Check] = {}
    outcomes: dict[str, CheckOutcome] = {}
    for ref in job.checks:
        check = catalogue.get(ref.check, ref.digest)
        if check is None:
            why = _unknown(ref, catalogue.named(ref.check))
            outcomes[ref.check] = not_run([ref], Outcome.ERROR, Kind.UNKNOWN_CHECK, why)[0]
        elif check.family is not job.family:
            why = f"a check for {check.family}, the target is {job.family}"
            outcomes[ref.check] = ended(check, Outcome.SKIPPED, Kind.NOT_APPLICABLE, why)
        elif why := unsupported(check):
            outcomes[ref.check] = ended(check, Outcome.SKIPPED, Kind.UNSUPPORTED, why)
        else:
            checks[ref.check] = check
    return list(checks.values()), outcomes


def _unknown(ref: CheckRef, mine: Check | None) -> str:
    wanted = f"the job asks for {ref.check} {ref.digest[:12]}"
    has = f"has {mine.digest[:12]}" if mine else "has no check of that name"
    return f"{wanted}, this worker {has}: bring coordinator and worker to the same version"


def _all(checks: Iterable[Check], kind: Kind, reason: str) -> list[CheckOutcome]:
    return [ended(check, Outcome.ERROR, kind, reason) for check in checks]


async def _examine(
    checks: Sequence[Check], endpoint_of: EndpointOf, dependencies: CheckDependencies, now: datetime
) -> tuple[Facts, list[CheckOutcome]]:
    started = clock.monotonic()
    endpoint = await endpoint_of()
    plans: list[JobPlan] = []

    def choose(facts: Facts) -> Sequence[View]:
        plans[:] = [dependencies.planner.plan(checks, facts)]
        return plans[0].views

    with traces.get().span("look"):
        inspection = await dependencies.inspector.inspect(endpoint, choose, dependencies.limits)
    facts = _bounded(inspection.facts)
    outcomes = await _judge_all(plans[0], inspection, facts, dependencies, now)
    took = round((clock.monotonic() - started) * 1_000, 3)
    return facts, [msgspec.structs.replace(one, duration_ms=took) for one in outcomes]


def _bounded(facts: Facts) -> Facts:
    return msgspec.structs.replace(
        facts, version_text=sanitize.text(facts.version_text, MAX_VERSION_CHARACTERS)
    )


async def _judge_all(
    job: JobPlan,
    inspection: EncodedInspection,
    facts: Facts,
    dependencies: CheckDependencies,
    now: datetime,
) -> list[CheckOutcome]:
    outcomes: list[CheckOutcome] = []
    ready: list[tuple[Plan, Task]] = []
    answers = [inspection.answers[view] for view in job.views]
    # Views are slow to hash: checks look their own up only where one has failed.
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
    verdicts = await _run([task for _, task in ready], given, facts, dependencies, now)
    for (planned, _), verdict in zip(ready, verdicts, strict=True):
        judged = judge(planned.check, verdict)
        outcomes.append(with_parts(judged, parts_of(planned, inspection)))
    return outcomes


async def _run(
    tasks: Sequence[Task],
    answers: Sequence[bytes],
    facts: Facts,
    dependencies: CheckDependencies,
    now: datetime,
) -> list[Verdict]:
    if not tasks:
        return []
    return await dependencies.sandbox.run(
        tasks, answers, context_of(facts, dependencies.catalogue, now)
    )


def context_of(facts: Facts, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    """What scripts find in `context` beside the functions."""
    return {
        "server": msgspec.to_builtins(facts),
        "releases": catalogue.releases,
        "now": clock.unix_nanoseconds(now),
    }


def failed(check: Check, failure: Failure, facts: Facts) -> CheckOutcome:
    """The outcome of a check one of whose questions has no answer; names a missing grant."""
    reason = failure.reason
    if failure.kind is Kind.NO_PRIVILEGE:
        grants = check.privileges.get(facts.flavour) or check.privileges.get(check.family) or ()
        reason += f"; the check needs: {'; '.join(grants)}" if grants else ""
    return ended(check, Outcome.ERROR, failure.kind, reason)
