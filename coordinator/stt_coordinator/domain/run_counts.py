"""The counts of a run, from those of its jobs and the suppressions of now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from stt_coordinator.domain.model import Record
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.records import Counts
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import Suppressor

Severities = tuple[int, ...]  # findings of each severity, the most severe first
_SEVERITIES = tuple(Severity)
_CRITICAL, _MAJOR, _ = _SEVERITIES
_NONE = (0, 0, 0)
_ONE = ((1, 0, 0), (0, 1, 0), (0, 0, 1))  # by rank
# Looked up once: this is done for each result that is recorded.
_PASSED, _FAILED, _GONE, _NOT_APPLICABLE = (
    Outcome.PASSED,
    Outcome.FAILED,
    Kind.GONE,
    Kind.NOT_APPLICABLE,
)


class FailedChecks(Record, frozen=True):
    """The findings of a job by check, each with how many of them have which severity."""

    target: str
    site: str
    checks: dict[str, Severities]


def failed_checks(target: str, site: str, outcomes: Iterable[CheckOutcome]) -> FailedChecks:
    """Those of one job; of several findings with one key the most severe one counts."""
    found: dict[str, Severities] = {}
    for outcome in outcomes:
        findings = outcome.counted
        if not findings:
            continue
        if len(findings) == 1 and outcome.check not in found:
            found[outcome.check] = _ONE[_rank(findings[0])]
            continue
        ranks: dict[str, int] = {}
        for one in findings:
            ranks[one.key] = min(_rank(one), ranks.get(one.key, len(_NONE)))
        numbers = [*found.get(outcome.check, _NONE)]
        for rank in ranks.values():
            numbers[rank] += 1
        found[outcome.check] = tuple(numbers)
    return FailedChecks(target=target, site=site, checks=found)


def _rank(one: Finding) -> int:
    # By identity: as a key of a dict, a member of an enumeration is hashed in Python.
    severity = one.severity
    return 0 if severity is _CRITICAL else 1 if severity is _MAJOR else 2


def counts_of_job(outcomes: Iterable[CheckOutcome], failed: FailedChecks) -> Counts:
    """What one job counts for as long as no suppression applies; nothing before its result."""
    passed = not_checked = 0
    is_present = is_gone = is_checked = False
    parts: set[str] = set()
    # The rules of `report.counts`, as one loop without a dict.
    for one in outcomes:
        kind = one.kind
        if one.outcome is _PASSED:
            passed += 1
            is_checked = True
        elif one.outcome is _FAILED:
            is_checked = True
        elif kind is not _NOT_APPLICABLE:
            not_checked += 1
        if kind is _GONE:
            is_gone = True
        else:
            is_present = True
        if one.parts_not_checked:
            parts.update(part.name for part in one.parts_not_checked)
    critical, major, trivial = map(sum, zip(_NONE, *failed.checks.values(), strict=True))
    return Counts(
        critical=critical,
        major=major,
        trivial=trivial,
        passed=passed,
        not_checked=not_checked,
        targets=int(is_present),
        targets_checked=int(is_checked),
        parts_not_checked=len(parts),
        gone=int(is_gone),
    )


def added(counts: Iterable[tuple[Counts, int]]) -> Counts:
    """The sum of counts, each with how often it is to be added; a negative number subtracts."""
    names = Counts.__struct_fields__
    totals = dict.fromkeys(names, 0)
    for one, times in counts:
        for name in names:
            totals[name] += times * getattr(one, name)
    return Counts(**totals)


class BroadRules:
    """For which checks on a target there are suppressions that are not for one finding alone."""

    def __init__(
        self, live: Iterable[SuppressionRecord], labels: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._labels = labels
        self._checks: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for one in live:
            if not one.finding:
                self._checks[_scope(one)].add(one.check)

    def checks(self, target: str, site: str) -> set[str]:
        """Their names; most targets have none."""
        labels = self._labels.get(target, {})
        scopes = [("target", target), ("site", site)]
        scopes += [("label", f"{key}={value}") for key, value in labels.items()]
        return {check for scope in scopes for check in self._checks.get(scope, ())}


def _scope(one: SuppressionRecord) -> tuple[str, str]:
    if one.severity is None and one.target:
        return "target", one.target
    if one.severity is None and one.label:
        return "label", one.label
    return "site", one.site


def suppressed(
    whole: Counts, failed: Iterable[FailedChecks], suppressor: Suppressor, rules: BroadRules
) -> Counts:
    """`whole` as suppressions let those findings count that they were counted from."""
    severities = [whole.critical, whole.major, whole.trivial]
    accepted = whole.accepted
    for job in failed:
        for check in rules.checks(job.target, job.site) & job.checks.keys():
            is_accepted = suppressor.acceptance("", check, job.target, job.site) is not None
            for rank, number in enumerate(job.checks[check]):
                severities[rank] -= number
                if is_accepted:
                    accepted += number
                else:
                    shown = suppressor.severity(check, job.site, _SEVERITIES[rank])
                    severities[shown.rank] += number
    critical, major, trivial = severities
    return msgspec.structs.replace(
        whole, critical=critical, major=major, trivial=trivial, accepted=accepted
    )
