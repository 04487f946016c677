"""Which findings of a target do not count, because those of other checks state the same fact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from stt_shared.protocol.queries.reports import ImpliedFinding, ReportedFinding, ReportedResult
from stt_shared.protocol.records import FindingRecord, LinkedFinding

Cause = tuple[str, FindingRecord | ReportedFinding]  # by the name of its check


def implied_by(causes: Iterable[Cause]) -> Mapping[str, Sequence[ImpliedFinding]]:
    """By check, what the findings of one target stand for too."""
    found: defaultdict[str, list[ImpliedFinding]] = defaultdict(list)
    for check, cause in causes:
        link = LinkedFinding(check=check, object=cause.object or "", id=cause.id)
        for one in cause.implies:
            found[one.check] += [ImpliedFinding(object=key, implied_by=link) for key in one.keys]
    return found


def with_implied(results: Sequence[ReportedResult]) -> list[ReportedResult]:
    """All results of one target, each with its findings that do not count."""
    found = implied_by((result.check, one) for result in results for one in result.findings)
    if not found:  # almost always
        return list(results)
    return [
        msgspec.structs.replace(result, implied=tuple(found.get(result.check, ())))
        for result in results
    ]
