"""The counts: the same numbers from the store's tallies and from a report of the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.summary import (
    Tallies,
    TargetTally,
    by_site,
    counts,
    summaries,
    summary,
)
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import Counts
from stt_shared.report.counts import of_results
from tests.support.coordinator.coordination import NOW

T = TypeVar("T")
MYSQL = Family.MYSQL
ENDS = (
    (Outcome.PASSED, None),
    (Outcome.FAILED, None),
    (Outcome.SKIPPED, Kind.NOT_APPLICABLE),
    (Outcome.SKIPPED, Kind.UNDECIDED),
    (Outcome.SKIPPED, Kind.DISABLED),
    (Outcome.ERROR, Kind.UNREACHABLE),
    (Outcome.ERROR, Kind.NO_WORKER),
)
ends = st.sampled_from(ENDS)
pairs = st.dictionaries(
    st.tuples(st.sampled_from(("t1", "t2", "t3")), st.sampled_from(("c1", "c2"))),
    st.tuples(ends, st.lists(st.sampled_from(Severity), max_size=3)),
)


def reported(severity: Severity) -> ReportedFinding:
    return ReportedFinding(
        id="f_x",
        severity=severity,
        object=None,
        summary="",
        description="",
        remediation="",
        evidence=(),
        since=NOW,
    )


def test_only_a_pair_that_does_not_apply_is_neither_passed_nor_not_checked() -> None:
    tallies = Tallies(outcomes=[("eu", Family.MYSQL, outcome, kind, 10) for outcome, kind in ENDS])
    found = counts(tallies)
    assert (found.passed, found.not_checked) == (10, 40)


def test_severities_count_open_findings_and_targets_those_learned_of() -> None:
    tallies = Tallies(
        findings=[("eu", MYSQL, Severity.CRITICAL, 2), ("us", MYSQL, Severity.TRIVIAL, 3)],
        targets=[TargetTally("eu", MYSQL, True, 4), TargetTally("us", MYSQL, False, 5)],
    )
    assert counts(tallies) == Counts(critical=2, trivial=3, targets=9, targets_checked=4)


def test_sites_add_up_to_the_whole() -> None:
    tallies = Tallies(
        findings=[("eu", MYSQL, Severity.MAJOR, 2), ("us", MYSQL, Severity.MAJOR, 3)],
        outcomes=[
            ("eu", MYSQL, Outcome.PASSED, None, 5),
            ("us", MYSQL, Outcome.ERROR, Kind.AUTH, 7),
        ],
        targets=[
            TargetTally("eu", MYSQL, True, 1),
            TargetTally("us", Family.MONGODB, False, 2),
        ],
    )
    assert tallies.sites() == ("eu", "us")
    assert tallies.families() == {Family.MYSQL: 1, Family.MONGODB: 2}
    assert {site: counts(rows) for site, rows in by_site(tallies).items()} == {
        "eu": Counts(major=2, passed=5, targets=1, targets_checked=1),
        "us": Counts(major=3, not_checked=7, targets=2),
    }
    assert counts(tallies) == Counts(major=5, passed=5, not_checked=7, targets=3, targets_checked=1)


class Visited(list[T]):
    """Rows, and how many of them were read."""

    visits = 0

    def __iter__(self) -> Iterator[T]:
        for row in super().__iter__():
            self.visits += 1
            yield row


def rows_read(sites: int) -> int:
    """By the summaries of a fleet of so many sites."""
    names = [f"site-{number}" for number in range(sites)]
    lists: dict[str, Any] = {
        "findings": Visited((name, MYSQL, Severity.MAJOR, 1) for name in names),
        "accepted": Visited((name, MYSQL, Severity.MAJOR, 1) for name in names),
        "outcomes": Visited((name, MYSQL, Outcome.PASSED, None, 1) for name in names),
        "targets": Visited(TargetTally(name, MYSQL, True, 1) for name in names),
        "parts": Visited((name, MYSQL, Kind.QUERY, 1) for name in names),
        "gone": Visited((name, MYSQL, 1) for name in names),
        "gone_findings": Visited((name, 1) for name in names),
    }
    found = summaries(Tallies(**lists), ControlState(), None, NOW)
    assert (len(found), found[0].counts.major) == (sites + 1, sites)
    return sum(rows.visits for rows in lists.values())


def test_eight_times_the_sites_read_eight_times_the_rows() -> None:
    assert rows_read(1_600) == 8 * rows_read(200) > 0


@given(pairs)
def test_store_and_report_count_the_same(
    facts: dict[tuple[str, str], tuple[tuple[Outcome, Kind | None], list[Severity]]],
) -> None:
    results = [
        ReportedResult(
            target=target,
            family=Family.MYSQL,
            site="eu",
            check=check,
            outcome=outcome,
            kind=kind,
            reason="",
            findings=tuple(map(reported, severities)),
        )
        for (target, check), ((outcome, kind), severities) in facts.items()
    ]
    learned = {r.target: False for r in results}
    for result in results:
        learned[result.target] |= result.outcome in (Outcome.PASSED, Outcome.FAILED)
    severities = Counter(one.severity for result in results for one in result.findings)
    ended = Counter((result.outcome, result.kind) for result in results)
    tallies = Tallies(
        findings=[("eu", MYSQL, severity, number) for severity, number in severities.items()],
        outcomes=[("eu", MYSQL, *end, number) for end, number in ended.items()],
        targets=[TargetTally("eu", MYSQL, is_learned, 1) for is_learned in learned.values()],
    )
    assert counts(tallies) == of_results(results)


def test_summary_says_whether_and_since_when_checks_run() -> None:
    state = ControlState(enabled=False, since=NOW)
    found = summary(Tallies(), state, None, NOW)
    assert (found.enabled, found.since, found.site) == (False, NOW, "")
