"""Apply exceptions to a finished report: what they accept no longer counts as open."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stt_shared.protocol.enums import Kind
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import Counts
from stt_shared.report.counts import of_results
from stt_shared.report.model import Report
from stt_shared.suppression.rule import Suppressor

CHANGED = ("critical", "major", "trivial", "accepted", "baseline")


def with_exceptions(report: Report, suppressor: Suppressor) -> Report:
    """The report as if these exceptions were in force too; what is accepted already stays so."""
    results = tuple(
        msgspec.structs.replace(
            result, findings=tuple(_applied(result, one, suppressor) for one in result.findings)
        )
        for result in report.results
    )
    return with_results(report, results)


def with_results(report: Report, results: tuple[ReportedResult, ...]) -> Report:
    """The report with other acceptances and severities of the same findings, and their counts."""
    # The difference: counts of a report also hold what has no row, such as missing databases.
    before, after = _counts(report.results), _counts(results)
    numbers = {
        name: getattr(report.summary, name) + getattr(after, name) - getattr(before, name)
        for name in CHANGED
    }
    summary = msgspec.structs.replace(report.summary, **numbers)
    return msgspec.structs.replace(report, results=results, summary=summary)


def _applied(
    result: ReportedResult, finding: ReportedFinding, suppressor: Suppressor
) -> ReportedFinding:
    accepted = suppressor.acceptance(finding.id, result.check, result.target, result.site)
    kept = finding.accepted
    if kept is not None and (accepted is None or accepted.until < kept.until):
        accepted = kept
    severity = suppressor.severity(result.check, result.site, finding.severity)
    reported = finding.said_severity or finding.severity
    return msgspec.structs.replace(
        finding,
        accepted=accepted,
        severity=severity,
        said_severity=reported if severity is not reported else None,
    )


def _counts(results: Iterable[ReportedResult]) -> Counts:
    """The counts without databases that are gone, whose findings no severity counts."""
    return of_results(one for one in results if one.kind is not Kind.GONE)
