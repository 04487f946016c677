"""One fact is one finding: what another check of the same job says too does not count beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.messages import Cause, CheckOutcome, Finding, Implied
from stt_worker.execution.causes import MAX_CAUSES, causes_of, joined
from stt_worker.execution.job import one_fact_one_finding
from stt_worker.execution.verdict import outcome_of
from stt_worker.sandbox.port import Returned
from tests.support.worker.fakes import check


def one(thing: str, *causes: tuple[str, str], severity: Severity = Severity.MAJOR) -> Finding:
    implied_by = tuple(Cause(check=name, object=about) for name, about in causes)
    return Finding(key=thing, object=thing, severity=severity, summary=thing, implied_by=implied_by)


def failed(name: str, *findings: Finding) -> CheckOutcome:
    return CheckOutcome(check=name, outcome=Outcome.FAILED, findings=findings)


def ended(name: str, outcome: Outcome, *findings: Finding) -> CheckOutcome:
    kind = None if outcome is Outcome.PASSED else Kind.SCRIPT
    return CheckOutcome(check=name, outcome=outcome, kind=kind, findings=findings)


def counted(outcomes: Sequence[CheckOutcome]) -> list[tuple[str, str]]:
    return sorted((each.check, finding.key) for each in outcomes for finding in each.counted)


def test_a_finding_whose_cause_was_found_is_counted_and_shown_there_alone() -> None:
    trust, replication = (
        failed("trust", one("line 1")),
        failed("open", one("line 1", ("trust", "line 1"))),
    )
    for order in ([trust, replication], [replication, trust]):
        found = {each.check: each for each in joined(order)}
        assert counted(list(found.values())) == [("trust", "line 1")]
        (cause,), (part,) = found["trust"].findings, found["open"].findings
        assert cause.implies == (Implied(check="open", keys=("line 1",)),)
        assert cause.description == "Also: 1 finding of open (line 1)."
        assert part.part_of == Cause(check="trust", object="line 1")
        assert found["open"].outcome is Outcome.FAILED
        assert found["open"].reason == "its findings are part of those of trust"


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.ERROR, Outcome.SKIPPED, None])
def test_a_finding_stands_by_itself_where_its_cause_has_no_verdict(outcome: Outcome | None) -> None:
    # An error keeps its good findings, but the coordinator opens none of them.
    kept = (one("line 1"),) if outcome is Outcome.ERROR else ()
    before = [failed("open", one("line 1", ("trust", "line 1")))]
    if outcome is not None:
        before.append(ended("trust", outcome, *kept))
    assert joined(before) == before


def test_a_finding_about_something_else_is_no_cause() -> None:
    before = [failed("trust", one("line 2")), failed("open", one("line 1", ("trust", "line 1")))]
    assert joined(before) == before


def test_nothing_gets_milder_by_a_cause() -> None:
    for mine, others in ((Severity.CRITICAL, Severity.MAJOR), (Severity.MAJOR, Severity.TRIVIAL)):
        outcomes = joined(
            [
                failed("a", one("x", severity=others)),
                failed("b", one("x", ("a", "x"), severity=mine)),
            ]
        )
        assert counted(outcomes) == [("a", "x"), ("b", "x")]


def test_the_first_cause_that_was_found_has_it_and_others_do_not_count_it_again() -> None:
    part = one("x", ("none", "x"), ("a", "x"), ("b", "x"))
    outcomes = joined([failed("a", one("x")), failed("b", one("x")), failed("c", part)])
    assert counted(outcomes) == [("a", "x"), ("b", "x")]
    assert [len(finding.implies) for each in outcomes for finding in each.findings] == [1, 0, 0]


def test_what_is_part_of_a_part_is_shown_at_the_finding_that_stands() -> None:
    outcomes = joined(
        [
            failed("c", one("x", ("b", "x"))),
            failed("b", one("x", ("a", "x"))),
            failed("a", one("x")),
        ]
    )
    assert counted(outcomes) == [("a", "x")]
    (cause,) = outcomes[2].findings
    assert cause.implies == (Implied(check="b", keys=("x",)), Implied(check="c", keys=("x",)))


def test_in_a_ring_of_causes_the_same_finding_stands_whatever_the_order() -> None:
    ring = [
        failed("a", one("x", ("b", "x"))),
        failed("b", one("x", ("c", "x"))),
        failed("c", one("x", ("a", "x"))),
    ]
    assert {tuple(counted(joined(order))) for order in (ring, ring[::-1])} == {(("c", "x"),)}


def test_a_chain_of_thousands_of_causes_ends() -> None:
    left = [one(str(n), ("b", str(n))) for n in range(500)]
    right = [one(str(n), ("a", str(n + 1))) for n in range(500)]
    outcomes = joined([failed("a", *left), failed("b", *right)])
    assert counted(outcomes)
    shown = [
        key
        for each in outcomes
        for finding in each.findings
        for i in finding.implies
        for key in i.keys
    ]
    assert len(shown) + len(counted(outcomes)) == 1_000


THINGS = st.sampled_from(["x", "y", "z"])
NAMES = ["a", "b", "c", "d"]
FINDINGS = st.builds(
    lambda thing, causes, severity: one(thing, *causes, severity=severity),
    THINGS,
    st.lists(st.tuples(st.sampled_from(NAMES), THINGS), max_size=3),
    st.sampled_from(list(Severity)),
)
JOBS = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(
        st.sampled_from([Outcome.FAILED, Outcome.FAILED, Outcome.ERROR]),
        st.lists(FINDINGS, min_size=1, max_size=3, unique_by=lambda found: found.key),
    ),
)


@given(JOBS, st.randoms())
def test_every_finding_counts_or_is_named_by_exactly_one_that_does(jobs: Any, random: Any) -> None:
    before = [
        ended(name, outcome, *found) if outcome is Outcome.ERROR else failed(name, *found)
        for name, (outcome, found) in jobs.items()
    ]
    after = joined(before)
    ends = {(each.check, finding.key): finding for each in after for finding in each.findings}
    assert len(ends) == sum(len(each.findings) for each in before)
    named = [
        (implied.check, key, place)
        for place, finding in ends.items()
        if finding.part_of is None
        for implied in finding.implies
        for key in implied.keys
    ]
    parts = {place: finding for place, finding in ends.items() if finding.part_of is not None}
    assert sorted((name, key) for name, key, _ in named) == sorted(parts)
    for name, key, place in named:
        part = parts[name, key]
        assert part.part_of == Cause(check=place[0], object=place[1])
        assert ends[place].severity.rank <= part.severity.rank
    assert [each.outcome for each in after] == [each.outcome for each in before]
    mixed = list(before)
    random.shuffle(mixed)
    assert sorted(joined(mixed), key=lambda each: each.check) == sorted(
        after, key=lambda each: each.check
    )


def test_a_result_without_room_for_marks_has_every_finding_by_itself() -> None:
    long = "x" * 400
    before = [failed("a", one(long)), failed("b", one(long, ("a", long)))]
    size = len(msgspec.json.encode(before))
    assert counted(one_fact_one_finding(before, size + 20)) == [("a", long), ("b", long)]
    assert counted(one_fact_one_finding(before, 10 * size)) == [("a", long)]


def test_a_cause_that_did_not_fit_takes_no_other_finding_with_it() -> None:
    large = msgspec.structs.replace(one("x"), evidence=({"text": "y" * 4_000},))
    before = [failed("a", large), failed("b", one("x", ("a", "x")))]
    found = one_fact_one_finding(before, 1_000)
    assert [each.kind for each in found] == [Kind.TOO_LARGE, None]
    assert counted(found) == [("b", "x")]


def test_a_script_names_one_cause_or_a_few() -> None:
    cause = {"check": "a", "object": "x"}
    assert causes_of(None, "c") == ()
    assert causes_of(cause, "c") == causes_of([cause], "c") == (Cause(check="a", object="x"),)
    assert len(causes_of([cause] * MAX_CAUSES, "c")) == MAX_CAUSES


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([{"check": "a", "object": "x"}] * (MAX_CAUSES + 1), "has 9 causes, the limit is 8"),
        ({"check": "c", "object": "x"}, "names c itself"),
        ({"check": "a"}, "is not a dict with the texts"),
        ({"check": "a", "object": ""}, "is not a dict with the texts"),
        ({"check": "a", "object": 1}, "is not a dict with the texts"),
        ({"check": "a", "object": "x", "why": "y"}, "is not a dict with the texts"),
        ("a", "is not a dict with the texts"),
        ([["a", "x"]], "is not a dict with the texts"),
    ],
)
def test_a_cause_that_nobody_can_look_up_is_a_fault_of_the_finding(given: Any, why: str) -> None:
    finding = {"summary": "s", "severity": "warning", "object": "x", "implied_by": given}
    found = outcome_of(
        check("c"), Returned(value=[finding, {"summary": "t", "severity": "warning"}])
    )
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.SCRIPT)
    assert why in found.reason
    assert len(found.findings) == 1


def test_a_file_of_pmm_has_no_causes() -> None:
    of_pmm = replace(check("c", version=1), ours=False)
    finding = {"summary": "s", "severity": "warning", "implied_by": {"check": "a", "object": "x"}}
    (found,) = outcome_of(of_pmm, Returned(value=[finding])).findings
    assert found.implied_by == ()
