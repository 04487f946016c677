"""Findings in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from stt_coordinator.store.ports.findings import EVERY, FindingPlace, Grouped
from stt_coordinator.store.sql.counts import SEVERITY_BITS, KeptCounts
from stt_coordinator.store.sql.outcomes import Confirmations
from stt_coordinator.store.sql.rows import LAST_CHARACTER, Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import FindingRecord

KEPT = ("open", "accepted", "gone")  # states of a request that kept counts have
SUMMED = (*KEPT, "resolved", "all")  # those that sums have
LONG = (*(f"page_{state}" for state in KEPT), "page_any")  # statements that read in order
NARROW = 1_000  # findings that are read by their checks or targets, not in the order of the list


class SqlFindings(Statements):
    """FindingLedger in SQL."""

    sql = queries("findings")

    def __init__(
        self, connection: Connection, kept: KeptCounts, confirmations: Confirmations
    ) -> None:
        super().__init__(connection)
        self._kept = kept
        self._confirmations = confirmations

    def _found(self, name: str, **parameters: object) -> list[FindingRecord]:
        """The findings of a statement, confirmed by the newest answer that named them."""
        records = self._all(FindingRecord, name, **parameters)
        targets = {one.target for one in records}
        answers = {
            id_: answer.finished
            for row in self._confirmations.of_targets(targets).values()
            for answer in row
            for id_ in answer.findings
        }
        return [
            one if one.id not in answers else replace(one, last_confirmed=answers[one.id])
            for one in records
        ]

    def of_targets(self, targets: Iterable[str]) -> list[FindingRecord]:
        return self._found("of_targets", targets=listed(targets))

    def put(self, findings: Iterable[FindingRecord]) -> None:
        rows = list(map(columns, findings))
        known = {
            id_: tuple(counted)
            for id_, *counted in self._run("counted_as", ids=listed(row["id"] for row in rows))
        }
        # Most are confirmed as they were, which changes no count.
        self._kept.touch_findings(
            str(row["target"]) for row in rows if known.get(str(row["id"])) != _counted_as(row)
        )
        self._each("put", rows)
        written: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            written[str(row["target"])].add(str(row["id"]))
        self._confirmations.take_out(findings=written)

    def by_id(self, ids: Iterable[str]) -> list[FindingRecord]:
        return self._found("by_id", ids=listed(ids))

    def of_check(self, check: str) -> list[FindingRecord]:
        return self._found("of_check", check_name=check)

    def with_prefix(self, prefix: str, limit: int) -> list[FindingRecord]:
        beyond = prefix + LAST_CHARACTER
        return self._found("with_prefix", prefix=prefix, beyond=beyond, limit=limit)

    def page(
        self, query: FindingsRequest, beyond: FindingPlace | None = None
    ) -> tuple[list[FindingRecord], int]:
        where = _filters(query)
        # Counted apart: count(*) OVER () would read every row of the list for each page.
        total = self._count(query)
        name = _page(query, total)
        offset, limit = query.offset, query.limit
        if name in LONG and beyond is None and 2 * offset > total:
            # Its last pages are as near as its first ones.
            limit = max(0, min(limit, total - offset))
            name, offset = f"{name}_from_end", max(0, total - offset - limit)
        severity, since, id_ = _start(query, beyond)
        found = self._found(
            name,
            **where,
            place=str(severity),
            since=since,
            id=id_,
            limit=limit,
            offset=offset,
        )
        return found, total

    def _count(self, query: FindingsRequest) -> int:
        where = _filters(query)
        if query.state not in SUMMED:
            return self._number("count_any", **where)
        if not query.targets:
            self._kept.recount()
            return self._number("count_sums", **where, **_asked(query))
        if query.checks or query.state not in KEPT:
            name = "count_of_targets" if query.state in KEPT else "count_any_of_targets"
            return self._number(name, **where)
        self._kept.recount()
        return self._number("count_kept", **where)

    def group(self, by: str, limit: int, query: FindingsRequest = EVERY) -> list[Grouped]:
        where = _filters(replace(query, state="open"))
        name = f"group_by_{by}"
        if by == "check" and query.targets:
            name = "group_by_check_of_targets"
        elif by != "check" and query.checks:
            name = f"group_by_{by}_of_checks"
        else:
            self._kept.recount()
        if name == "group_by_check":
            where |= _asked(query)
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
                name, **where, limit=limit
            )
        ]

    def count_accepted(self, suppressions: Iterable[str]) -> dict[str, int]:
        return dict(self._run("count_accepted_by", ids=listed(suppressions)).fetchall())


def _page(query: FindingsRequest, total: int) -> str:
    """The statement that reads a page of a list of `total` findings.

    A list in order is read until the page is full: few matches would have it read to its end.
    """
    if query.state not in KEPT:
        if query.targets:
            return "page_any_of_targets"
        is_rare = query.state == "resolved" and total <= NARROW
        return "page_resolved" if is_rare else "page_any"
    if total > NARROW:
        return f"page_{query.state}"
    return "page_of_checks" if query.checks and not query.targets else "page_of_targets"


def _asked(query: FindingsRequest) -> Columns:
    """Which severities are asked for, as factors and as the sum of their bits."""
    asked = set(query.severities or Severity)
    bits = sum(SEVERITY_BITS[one] for one in asked)
    return {"bits": bits, **{str(one): int(one in asked) for one in Severity}}


def _counted_as(row: Columns) -> tuple[object, ...]:
    """What a finding is counted by."""
    is_resolved, is_accepted = row["state"] == "resolved", row["accepted"] != ""
    return row["family"], row["site"], row["severity"], is_resolved, is_accepted


def _start(query: FindingsRequest, beyond: FindingPlace | None) -> FindingPlace:
    """The place after which the page begins: no finding before it has an asked severity."""
    asked = query.severities or tuple(Severity)
    first = FindingPlace(min(asked, key=lambda one: one.rank), "", "")
    if beyond is None or beyond.severity.rank < first.severity.rank:
        return first
    return beyond


def _filters(query: FindingsRequest) -> Columns:
    """The parameters of the fragments `matches`, `kept` and `sums`."""
    return {
        "state": query.state,
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
