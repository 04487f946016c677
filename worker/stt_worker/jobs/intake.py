"""A delivery becomes a job under way, and the control state and the site decide whether it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stt_shared import clock
from stt_shared.bus.port import Inbox
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Job
from stt_shared.protocol.reading import JOB, read_message
from stt_shared.protocol.subjects import MAX_DELIVERIES
from stt_shared.telemetry.logs import logger
from stt_worker.execution.job import not_run
from stt_worker.jobs.dependencies import JobDependencies, RetryLaterError
from stt_worker.targets.model import Target

# Another worker of the site may serve the target, so the job goes round; each round is a delivery.
MAX_DELIVERIES_UNKNOWN = 25
UNKNOWN_TARGET_DELAY_S = 2.0
SHARED_STARTS = 1  # that are counted of a job which runs beside others
CONTROL_DELAY_S = 5.0
_LOG = logger("intake")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExecution:
    """A job under way, with the delivery that brought it and the inbox that settles it."""

    job: Job
    delivery: Delivery
    inbox: Inbox
    started: datetime  # when the job was received; once it is admitted, when that was

    @property
    def ids(self) -> dict[str, str]:
        """What log lines and spans of this job are found by."""
        return {"run": self.job.run_id, "job": self.job.job_id, "target": self.job.target}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """The target that the job may check, and the checks that are disabled for the whole site."""

    target: Target
    disabled_checks: frozenset[str]


def decode(delivery: Delivery, inbox: Inbox, site: str, family: Family) -> JobExecution:
    """The job in `delivery`, which came from the consumer of `site` and `family`.

    Raises ProtocolError with a code of the codec, `wrong_site` or `wrong_subject`.
    """
    job = read_message(JOB, delivery.subject, delivery.data)
    # The broker filters by subject; a consumer that somebody changed must not widen what runs here.
    if (job.site, job.family) != (site, family):
        here, there = f"{family} at {site}", f"{job.family} at {job.site}"
        raise ProtocolError("wrong_site", f"job for {there!r:.150}, this consumer is for {here!r}")
    return JobExecution(job=job, delivery=delivery, inbox=inbox, started=clock.now())


async def may_run(
    execution: JobExecution, dependencies: JobDependencies
) -> Permission | tuple[CheckOutcome, ...]:
    """What lets the job run now; or the outcome of every check, if it is never to run.

    Raises RetryLaterError while the control state is unknown or no target of that name is served
    here, and OutboxError.
    """
    job, delivered = execution.job, execution.delivery.delivered
    if execution.started >= job.expires:
        why = f"the job expired at {clock.to_text(job.expires)}"
        return not_run(job.checks, Outcome.SKIPPED, Kind.EXPIRED, why)
    try:
        state = await dependencies.control_state.state()
    except (UnreachableError, ProtocolError) as error:
        # Not run on a guess: checks may have been disabled while NATS was away.
        _LOG.warning("control_state_failed", reason=error.message)
        raise RetryLaterError(CONTROL_DELAY_S) from error
    if not state.enabled:
        since = f" since {clock.to_text(state.since)}" if state.since else ""
        return not_run(job.checks, Outcome.SKIPPED, Kind.DISABLED, f"checks are disabled{since}")
    target = dependencies.inventory.get(job.target, job.family)
    dead = ""
    if target is None and delivered > MAX_DELIVERIES_UNKNOWN:
        dead = f"no worker of site {job.site} serves target {job.target}"
    elif target is not None and delivered > MAX_DELIVERIES:
        # Deliveries to other workers do not count: what counts are starts here that never ended.
        starts = await dependencies.outbox.starts(job.job_id, job.dispatch)
        # One start may have ended with a neighbour that killed the worker; later ones were alone.
        if starts > SHARED_STARTS:
            dead = f"started here at least {starts} times and never finished"
    if dead:
        reason = f"delivered {delivered} times, {dead}"
        _LOG.error("job_abandoned", reason=reason)
        return not_run(job.checks, Outcome.ERROR, Kind.DEAD, reason)
    if target is None:
        raise RetryLaterError(UNKNOWN_TARGET_DELAY_S)
    if delivered > 1:
        # Before the checks: a job that kills the worker must be counted, or it would kill again.
        await dependencies.outbox.count_start(job.job_id, job.dispatch, execution.started)
    return Permission(target=target, disabled_checks=frozenset(state.disabled_checks))
