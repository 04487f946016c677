"""The jobs of a run: one for each target, with the checks that apply to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.domain.model import JobRecord, TargetRecord
from stt_coordinator.domain.time.schedule import PERIODS
from stt_shared.identity import job_id
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Interval
from stt_shared.protocol.messages import CheckRef
from stt_shared.protocol.records import RunRecord

LONGEST_LIFE = timedelta(hours=24)  # of a job whose worker is there but busy


def checks_of(schedule: str, checks: Iterable[CheckInfo]) -> tuple[CheckInfo, ...]:
    """The enabled checks that a run of `schedule` takes: those of its interval, else all."""
    of_interval = schedule in set(Interval)
    return tuple(
        check
        for check in checks
        if check.enabled and (not of_interval or check.interval == schedule)
    )


def life(schedule: str) -> timedelta:
    """How long a job of `schedule` may wait for a busy worker before the next slot replaces it."""
    if schedule in set(Interval):
        return min(PERIODS[Interval(schedule)], LONGEST_LIFE)
    return LONGEST_LIFE


def jobs(
    run: RunRecord,
    targets: Iterable[TargetRecord],
    checks: Iterable[CheckInfo],
    *,
    now: datetime,
    result_timeout: timedelta,
    pack: str = "",
) -> tuple[JobRecord, ...]:
    """One job per target that any of `checks` is meant for, in order of the targets' names.

    Ids and content follow from run, targets and checks alone. `result_timeout` is how long a job
    may go without a result before it is reconciled.
    """
    refs: defaultdict[Family, list[CheckRef]] = defaultdict(list)
    for check in sorted(checks, key=lambda one: one.check):
        refs[check.family].append(CheckRef(check=check.check, digest=check.digest))
    return tuple(
        JobRecord(
            job_id=job_id(run.run_id, target.target),
            run_id=run.run_id,
            target=target.target,
            family=target.family,
            site=target.site,
            checks=tuple(refs[target.family]),
            created=now,
            expires=now + life(run.schedule),
            deadline=now + result_timeout,
            not_before=now,
            pack=pack,
            workers=target.workers,
        )
        for target in sorted(targets, key=lambda one: one.target)
        if not target.gone and target.family in refs
    )


def joined(
    planned: Iterable[JobRecord], outstanding: Mapping[str, JobRecord]
) -> tuple[tuple[JobRecord, ...], tuple[str, ...]]:
    """`planned` with each job following its target's outstanding one if that covers its checks.

    A job that asks for more waits its turn instead. Returns the jobs and the targets that joined.
    """
    found: list[JobRecord] = []
    targets: list[str] = []
    for job in planned:
        earlier = outstanding.get(job.target)
        if earlier is not None and set(job.checks) <= set(earlier.checks):
            found.append(msgspec.structs.replace(job, follows=earlier.job_id))
            targets.append(job.target)
        else:
            found.append(job)
    return tuple(found), tuple(targets)
