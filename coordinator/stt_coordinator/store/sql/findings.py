"""Findings in SQL."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.ports.findings import EVERY, FindingPlace, Grouped
from stt_coordinator.store.sql.rows import LAST_CHARACTER, Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import FindingRecord


class SqlFindings(Statements):
    """FindingLedger in SQL."""

    sql = queries("findings")

    def of_targets(self, targets: Iterable[str]) -> list[FindingRecord]:
        return self._all(FindingRecord, "of_targets", targets=listed(targets))

    def put(self, findings: Iterable[FindingRecord]) -> None:
        self._each("put", map(columns, findings))

    def by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        return self._all(FindingRecord, "by_id", ids=listed(ids))

    def of_check(self, check: str) -> list[FindingRecord]:
        return self._all(FindingRecord, "of_check", check_name=check)

    def with_prefix(self, prefix: str, limit: int) -> list[FindingRecord]:
        beyond = prefix + LAST_CHARACTER
        return self._all(FindingRecord, "with_prefix", prefix=prefix, beyond=beyond, limit=limit)

    def page(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        which = query.state if query.state in ("open", "accepted", "gone") else "any"
        where = _filters(query)
        if which == "any":
            where["state"] = query.state
        severity, since, id_ = beyond or FindingPlace(Severity.CRITICAL, "", "")
        found = self._all(
            FindingRecord,
            f"page_{which}",
            **where,
            place=str(severity),
            since=since,
            id=id_,
            limit=query.limit,
            offset=query.offset,
        )
        # Counted apart: count(*) OVER () would read every row of the list for each page.
        return found, self._number(f"count_{which}", **where)

    def group(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        return [
            Grouped(
                name=name,
                findings=findings,
                targets=targets,
                critical=critical,
                major=major,
                trivial=trivial,
            )
            for name, findings, targets, critical, major, trivial in self._run(
                f"group_by_{by}", **_filters(query), limit=limit
            )
        ]

    def count_accepted(self, suppressions: Iterable[str]) -> dict[str, int]:
        return dict(self._run("count_accepted_by", ids=listed(suppressions)).fetchall())


def _filters(query: FindingsRequest) -> Columns:
    """The parameters of the fragment `matches`."""
    return {
        "severities": listed(query.severities),
        "families": listed(query.families),
        "sites": listed(query.sites),
        "targets": listed(query.targets),
        "checks": listed(query.checks),
    }


def columns(finding: FindingRecord) -> Columns:
    """The columns of a finding."""
    return {
        "id": finding.id,
        "target": finding.target,
        "family": str(finding.family),
        "site": finding.site,
        "check_name": finding.check,
        "state": str(finding.state),
        "severity": str(finding.severity),
        "since": text(finding.since),
        "resolved": text(finding.resolved_at),
        "accepted": finding.accepted.exception if finding.accepted else "",
        "data": packed(finding),
    }
