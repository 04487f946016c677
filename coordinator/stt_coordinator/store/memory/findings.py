"""Findings in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from stt_coordinator.store.memory.tables import Rows, current_findings, gone_findings
from stt_coordinator.store.ports.findings import EVERY, FindingPlace, Grouped
from stt_shared.protocol.enums import FindingState, Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import FindingRecord

NO_STATES = ("open", "accepted", "gone", "all")  # of a request, that are none of a finding


class MemoryFindings(Rows):
    """FindingLedger in memory."""

    def of_targets(self, targets: Iterable[str]) -> list[FindingRecord]:
        wanted = set(targets)
        return [one for one in self._t.findings.values() if one.target in wanted]

    def put(self, findings: Iterable[FindingRecord]) -> None:
        self._t.findings.update((one.id, one) for one in findings)

    def by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        return [self._t.findings[id_] for id_ in ids if id_ in self._t.findings]

    def of_check(self, check: str) -> list[FindingRecord]:
        found = (one for _, one in sorted(self._t.findings.items()) if one.check == check)
        return [one for one in found if one.state is not FindingState.RESOLVED]

    def with_prefix(self, prefix: str, limit: int) -> list[FindingRecord]:
        ids = sorted(id_ for id_ in self._t.findings if id_.startswith(prefix))
        return [self._t.findings[id_] for id_ in ids[:limit]]

    def page(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        is_current = query.state in ("open", "accepted")
        among: Iterable[FindingRecord] = self._t.findings.values()
        if is_current:
            among = current_findings(self._t, accepted=query.state == "accepted")
        if query.state == "gone":
            among = gone_findings(self._t)
        found = sorted((one for one in among if _matches(query, one)), key=_place)
        rest = [one for one in found if beyond is None or _place(one) > _key(beyond)]
        return rest[query.offset : query.offset + query.limit], len(found)

    def group(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        groups: dict[str, list[FindingRecord]] = {}
        wanted = msgspec.structs.replace(query, state="open")
        for one in current_findings(self._t):
            if _matches(wanted, one):
                groups.setdefault(str(getattr(one, by)), []).append(one)
        found = [_grouped(name, rows) for name, rows in groups.items()]
        return sorted(found, key=lambda g: (-g.critical, -g.major, -g.trivial, g.name))[:limit]

    def count_accepted(self, suppressions: Iterable[str]) -> dict[str, int]:
        wanted = set(suppressions)
        through = (one.accepted for one in current_findings(self._t, accepted=True))
        return dict(Counter(a.exception for a in through if a and a.exception in wanted))


def _grouped(name: str, rows: Sequence[FindingRecord]) -> Grouped:
    number = Counter(row.severity for row in rows)
    return Grouped(
        name=name,
        findings=len(rows),
        targets=len({row.target for row in rows}),
        critical=number[Severity.CRITICAL],
        major=number[Severity.MAJOR],
        trivial=number[Severity.TRIVIAL],
    )


def _place(one: FindingRecord) -> tuple[int, str, str]:
    return _key(FindingPlace.of(one))


def _key(place: FindingPlace) -> tuple[int, str, str]:
    return (place.severity.rank, place.since, place.id)


def _matches(query: FindingsRequest, finding: FindingRecord) -> bool:
    filters: tuple[tuple[Sequence[str], str], ...] = (
        (query.severities, finding.severity),
        (query.families, finding.family),
        (query.sites, finding.site),
        (query.targets, finding.target),
        (query.checks, finding.check),
        ((query.state,) if query.state not in NO_STATES else (), finding.state),
    )
    return all(not wanted or value in wanted for wanted, value in filters)
