"""Results and findings as reports have them, from the rows of the store or the answer to a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stt_coordinator.domain.findings import identify
from stt_coordinator.domain.model import JobRecord, Pair
from stt_shared.protocol.queries.reports import ImpliedFinding, ReportedFinding, ReportedResult
from stt_shared.protocol.records import FindingRecord, RunRecord
from stt_shared.suppression.rule import Suppressor


def reported_finding(one: FindingRecord) -> ReportedFinding:
    """A finding of the store."""
    return ReportedFinding(
        id=one.id,
        severity=one.severity,
        object=one.object,
        summary=one.summary,
        description=one.description,
        remediation=one.remediation,
        fix=one.fix,
        evidence=one.evidence,
        since=one.since or one.first_seen,
        accepted=one.accepted,
        said_severity=one.said_severity,
        labels=one.labels,
        read_more_url=one.read_more_url,
        implies=one.implies,
    )


def result_of_pair(
    pair: Pair, open_findings: Iterable[FindingRecord], implied: Iterable[ImpliedFinding] = ()
) -> ReportedResult:
    """The latest outcome of a check on a target, with its open findings and those implied."""
    return ReportedResult(
        target=pair.target,
        family=pair.family,
        site=pair.site,
        check=pair.check,
        outcome=pair.outcome,
        kind=pair.kind,
        reason=pair.reason,
        findings=tuple(
            reported_finding(one) for one in sorted(open_findings, key=lambda one: one.id)
        ),
        parts_not_checked=pair.parts_not_checked,
        implied=tuple(implied),
    )


def results_of_job(
    job: JobRecord, known: Mapping[str, FindingRecord], run: RunRecord, suppressor: Suppressor
) -> Iterator[ReportedResult]:
    """What a run found on one target, in order of the checks, as suppressions let it count.

    `known` are findings of the store by id: they say since when a finding has been there, and which
    one goes on under another object.
    """
    for outcome in sorted(job.outcomes, key=lambda one: one.check):
        findings: dict[str, ReportedFinding] = {}
        ids = identify(known, outcome, job.target)
        # The most severe one last: of several with one identity it stands, as in the store.
        for one in sorted(outcome.counted, key=lambda one: -one.severity.rank):
            id_ = ids[one.key]
            record = known.get(id_)
            severity = suppressor.severity(outcome.check, job.site, one.severity)
            findings[id_] = ReportedFinding(
                id=id_,
                severity=severity,
                object=one.object,
                summary=one.summary,
                description=one.description,
                remediation=one.remediation,
                fix=one.fix,
                evidence=one.evidence,
                since=(record.since if record else None) or job.started or run.slot,
                accepted=suppressor.acceptance(id_, outcome.check, job.target, job.site),
                said_severity=one.severity if severity is not one.severity else None,
                labels=one.labels,
                read_more_url=one.read_more_url,
                implies=one.implies,
            )
        yield ReportedResult(
            target=job.target,
            family=job.family,
            site=job.site,
            check=outcome.check,
            outcome=outcome.outcome,
            kind=outcome.kind,
            reason=outcome.reason,
            findings=tuple(findings[id_] for id_ in sorted(findings)),
            parts_not_checked=outcome.parts_not_checked,
        )
