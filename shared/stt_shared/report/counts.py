"""Compute the counts of a summary, a report or a scan, with one function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.protocol.records import Counts
from stt_shared.report import readable
from stt_shared.report.model import Report

LEARNED = frozenset({Outcome.PASSED, Outcome.FAILED})


def counted(
    *,
    severities: Mapping[Severity, int],
    outcomes: Mapping[tuple[Outcome, Kind | None], int],
    targets: int,
    targets_checked: int,
    accepted: int = 0,
    parts: int = 0,
    gone: int = 0,
    gone_findings: int = 0,
    baseline: int = 0,
) -> Counts:
    """The counts from open findings by severity and outcomes of pairs of target and check."""
    return Counts(
        critical=severities.get(Severity.CRITICAL, 0),
        major=severities.get(Severity.MAJOR, 0),
        trivial=severities.get(Severity.TRIVIAL, 0),
        passed=sum(number for (end, _), number in outcomes.items() if end is Outcome.PASSED),
        not_checked=sum(
            number for (end, kind), number in outcomes.items() if _is_not_checked(end, kind)
        ),
        targets=targets,
        targets_checked=targets_checked,
        accepted=accepted,
        parts_not_checked=parts,
        gone=gone,
        gone_findings=gone_findings,
        baseline=baseline,
    )


def is_whole(counts: Counts) -> bool:
    """Whether every target was checked completely; only then a result is shown as good."""
    everywhere = 0 < counts.targets <= counts.targets_checked
    return everywhere and not counts.not_checked and not counts.parts_not_checked


def _is_not_checked(outcome: Outcome, kind: Kind | None) -> bool:
    return outcome not in LEARNED and kind is not Kind.NOT_APPLICABLE


def is_not_checked(result: ReportedResult) -> bool:
    """Whether a check that applies to this target has no verdict."""
    return _is_not_checked(result.outcome, result.kind)


def parts_sentence(counts: Counts) -> str:
    """How many parts of databases were not checked; empty if none."""
    amount = counts.parts_not_checked
    return f"{readable.number(amount, 'part')} of databases not checked" if amount else ""


def without_result(report: Report) -> int:
    """The number of targets in the counts of the report without any result."""
    present = {one.target for one in report.results if one.kind is not Kind.GONE}
    return max(0, report.summary.targets - len(present))


def of_results(results: Iterable[ReportedResult]) -> Counts:
    """The counts of a report, from its results alone."""
    severities: Counter[Severity] = Counter()
    accepted = baseline = 0
    outcomes: Counter[tuple[Outcome, Kind | None]] = Counter()
    targets: set[str] = set()
    gone: set[str] = set()
    checked: set[str] = set()
    parts: set[tuple[str, str]] = set()
    for result in results:
        (gone if result.kind is Kind.GONE else targets).add(result.target)
        severities.update(one.severity for one in result.findings if one.accepted is None)
        through = [one.accepted for one in result.findings if one.accepted is not None]
        baseline += sum(one.baseline for one in through)
        accepted += sum(not one.baseline for one in through)
        outcomes[result.outcome, result.kind] += 1
        parts.update((result.target, one.name) for one in result.parts_not_checked)
        if result.outcome in LEARNED:
            checked.add(result.target)
    return counted(
        severities=severities,
        outcomes=outcomes,
        targets=len(targets),
        targets_checked=len(checked),
        accepted=accepted,
        parts=len(parts),
        gone=len(gone),
        baseline=baseline,
    )
