"""What the databases of a fleet answered: their latest outcomes, and the jobs of kept runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from benchmarks.page_fleet import FULL_DAYS, RUNS_WITH_OUTCOMES, Fleet
from stt_coordinator.domain.model import JobRecord, JobState, Pair, TargetRecord
from stt_shared.identity import job_id
from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.records import FindingRecord


def pairs(fleet: Fleet, findings: list[FindingRecord]) -> Iterator[Pair]:
    failed = {(one.target, one.check) for one in findings if one.resolved_at is None}
    started = fleet.now - timedelta(hours=6)
    for target in fleet.targets:
        for check in fleet.of_family[target.family]:
            is_failed = (target.target, check.name) in failed
            outcome = Outcome.FAILED if is_failed else Outcome.PASSED
            yield Pair(
                target=target.target,
                check=check.name,
                family=target.family,
                site=target.site,
                outcome=outcome if target.learned else Outcome.ERROR,
                run_id=fleet.standard[-1].run_id,
                started=started,
                finished=started,
                kind=target.kind,
                reason=target.reason,
            )


def jobs(fleet: Fleet, findings: list[FindingRecord]) -> Iterator[JobRecord]:
    """Of the standard runs that are kept in full; the newest two with their outcomes."""
    by_pair: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        if one.resolved_at is None:
            by_pair.setdefault((one.target, one.check), []).append(_shown(one))
    outcomes = {target.target: _outcomes(fleet, target, by_pair) for target in fleet.targets}
    kept = fleet.standard[-FULL_DAYS:]
    for run in kept:
        has_outcomes = run in kept[-RUNS_WITH_OUTCOMES:]
        for target in fleet.targets:
            yield JobRecord(
                job_id=job_id(run.run_id, target.target),
                run_id=run.run_id,
                target=target.target,
                family=target.family,
                site=target.site,
                checks=(),
                created=run.slot,
                expires=run.slot + timedelta(hours=1),
                deadline=run.slot + timedelta(minutes=5),
                not_before=run.slot,
                state=JobState.DONE,
                started=run.slot,
                outcomes=outcomes[target.target] if has_outcomes else (),
            )


def _outcomes(
    fleet: Fleet, target: TargetRecord, by_pair: dict[tuple[str, str], list[Finding]]
) -> tuple[CheckOutcome, ...]:
    if not target.learned:
        return tuple(
            CheckOutcome(
                check=check.name, outcome=Outcome.ERROR, kind=target.kind, reason=target.reason
            )
            for check in fleet.of_family[target.family]
        )
    found = {
        check.name: tuple(by_pair.get((target.target, check.name), ()))
        for check in fleet.of_family[target.family]
    }
    return tuple(
        CheckOutcome(
            check=name,
            outcome=Outcome.FAILED if findings else Outcome.PASSED,
            findings=findings,
        )
        for name, findings in found.items()
    )


def _shown(one: FindingRecord) -> Finding:
    return Finding(
        key=one.id,
        severity=one.severity,
        summary=one.summary,
        object=one.object,
        description=one.description,
        remediation=one.remediation,
        evidence=one.evidence,
    )
