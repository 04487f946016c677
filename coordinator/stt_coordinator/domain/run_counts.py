"""The counts of a run, from those of its jobs and the suppressions of now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from stt_coordinator.domain.model import LEARNED, Record
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome
from stt_shared.protocol.records import Counts
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.report.counts import counted
from stt_shared.suppression.rule import Suppressor

Severities = tuple[int, ...]  # findings of each severity, the most severe first
_SEVERITIES = tuple(Severity)
_NONE = (0,) * len(_SEVERITIES)


class FailedChecks(Record, frozen=True):
    """The findings of a job by check, each with how many of them have which severity."""

    target: str
    site: str
    checks: dict[str, Severities]


def failed_checks(target: str, site: str, outcomes: Iterable[CheckOutcome]) -> FailedChecks:
    """Those of one job; of several findings with one key the most severe one counts."""
    found: dict[str, Severities] = {}
    for outcome in outcomes:
        if outcome.findings:
            ranks: dict[str, int] = {}
            for one in outcome.findings:
                rank = one.severity.rank
                ranks[one.key] = min(rank, ranks.get(one.key, rank))
            numbers = [*found.get(outcome.check, _NONE)]
            for rank in ranks.values():
                numbers[rank] += 1
            found[outcome.check] = tuple(numbers)
    return FailedChecks(target=target, site=site, checks=found)


def counts_of_job(outcomes: Iterable[CheckOutcome], failed: FailedChecks) -> Counts:
    """What one job counts for as long as no suppression applies; nothing before its result."""
    ends: Counter[tuple[Outcome, Kind | None]] = Counter()
    parts: set[str] = set()
    for one in outcomes:
        ends[one.outcome, one.kind] += 1
        if one.parts_not_checked:
            parts.update(part.name for part in one.parts_not_checked)
    totals = map(sum, zip(_NONE, *failed.checks.values(), strict=True))
    return counted(
        severities=dict(zip(_SEVERITIES, totals, strict=True)),
        outcomes=ends,
        targets=int(any(kind is not Kind.GONE for _, kind in ends)),
        targets_checked=int(any(outcome in LEARNED for outcome, _ in ends)),
        parts=len(parts),
        gone=int(any(kind is Kind.GONE for _, kind in ends)),
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
