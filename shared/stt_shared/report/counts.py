"""The numbers of a report, from its results alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stt_shared.protocol.control import ReportedResult
from stt_shared.protocol.messages import Counts
from stt_shared.protocol.words import Kind, Outcome, Severity

LEARNED = frozenset({Outcome.PASSED, Outcome.FAILED})


def is_not_checked(result: ReportedResult) -> bool:
    """Whether nothing was learned though the check is meant for this target."""
    return result.outcome not in LEARNED and result.kind is not Kind.NOT_APPLICABLE


def of_results(results: Iterable[ReportedResult]) -> Counts:
    """Findings by severity; pairs passed and not checked; targets, and those learned of."""
    severities: Counter[Severity] = Counter()
    passed = not_checked = 0
    targets: set[str] = set()
    checked: set[str] = set()
    for result in results:
        targets.add(result.target)
        severities.update(finding.severity for finding in result.findings)
        passed += result.outcome is Outcome.PASSED
        not_checked += is_not_checked(result)
        if result.outcome in LEARNED:
            checked.add(result.target)
    return Counts(
        critical=severities[Severity.CRITICAL],
        major=severities[Severity.MAJOR],
        trivial=severities[Severity.TRIVIAL],
        passed=passed,
        not_checked=not_checked,
        targets=len(targets),
        targets_checked=len(checked),
    )
