"""The checks of one job run on its target: which of them, with which pack, and what each found."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from stt_shared.errors import UnreachableError
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.telemetry.logs import logger
from stt_worker.execution.job import Examined, execute, not_run
from stt_worker.jobs.dependencies import JobDependencies, RetryLaterError
from stt_worker.jobs.intake import JobExecution, Permission

PACK_DELAY_S = 5.0  # NATS is away
SERIAL_DELAY_S = 30.0  # the state folder cannot be written
_LOG = logger("checking")


async def check(
    execution: JobExecution, permission: Permission, dependencies: JobDependencies
) -> Examined:
    """Run the checks of the job that are enabled and trusted; an outcome for each of all checks.

    Raises RetryLaterError if the pack of the job cannot be read now.
    """
    job, now = execution.job, execution.started
    disabled = [ref for ref in job.checks if ref.check in permission.disabled_checks]
    enabled = tuple(ref for ref in job.checks if ref not in disabled)
    own = dependencies.check_dependencies[job.family]
    barred: tuple[CheckOutcome, ...] = ()
    if dependencies.pack_registry is not None:
        try:
            choice = await dependencies.pack_registry.choose(
                msgspec.structs.replace(job, checks=enabled), now
            )
        except UnreachableError as error:
            _LOG.warning("pack_failed", reason=error.message)
            raise RetryLaterError(PACK_DELAY_S) from error
        except OSError as error:
            # Not run with this pack: without its serial on disk an older pack could follow it.
            _LOG.error("pack_failed", reason=str(error))
            raise RetryLaterError(SERIAL_DELAY_S) from error
        own, barred = replace(own, catalogue=choice.catalogue), choice.barred
    without = {outcome.check for outcome in barred}
    # After the pack is verified: a check that is barred must not reach the sandbox.
    trusted = tuple(ref for ref in enabled if ref.check not in without)
    facts, executed = await execute(
        msgspec.structs.replace(job, checks=trusted), permission.target.resolved, own, now=now
    )
    not_enabled = not_run(disabled, Outcome.SKIPPED, Kind.DISABLED, "the check is disabled")
    by_check = {outcome.check: outcome for outcome in (*executed, *barred, *not_enabled)}
    return facts, tuple(by_check[ref.check] for ref in job.checks)
