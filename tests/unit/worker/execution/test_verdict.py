"""What a script returns becomes an outcome: the good findings kept, the bad ones named."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.messages import MAX_FINDINGS, CheckOutcome, Finding
from stt_worker.execution import sanitize
from stt_worker.execution.verdict import SEVERITIES, fit, outcome_of
from stt_worker.sandbox.port import Broken, Returned, Skipped
from tests.support.checks.go import PmmError, findings_of

CHECK = Check(
    name="c",
    version=2,
    family=Family.MYSQL,
    summary="s",
    description="d",
    script="",
    queries=(),
    digest="0" * 64,
)


def outcome_for(*findings: Any) -> CheckOutcome:
    return outcome_of(CHECK, Returned(value=list(findings)))


def finding(**fields: Any) -> dict[str, Any]:
    return {"summary": "bad", "severity": "critical", **fields}


def test_of_what_was_cut_off_nobody_says_that_it_is_the_same() -> None:
    for rule, kept in (("a" * 3_999, True), ("a" * 5_000, False), ("a" * 4_999 + "b", False)):
        (one,) = outcome_for(finding(formerly={"rule": rule})).findings
        assert bool(one.formerly) is kept


def test_an_empty_list_passes_and_a_finding_fails() -> None:
    assert outcome_for().outcome is Outcome.PASSED
    found = outcome_for(
        finding(
            object="'app'@'%'",
            description="why",
            remediation="DROP USER",
            read_more_url="https://example.org/a",
            evidence=[{"user": "app"}],
            labels={"team": "x"},
        )
    )
    assert (found.outcome, found.kind, found.check) == (Outcome.FAILED, None, "c")
    assert found.findings == (
        Finding(
            key="'app'@'%'",
            severity=Severity.CRITICAL,
            summary="bad",
            object="'app'@'%'",
            description="why",
            remediation="DROP USER",
            read_more_url="https://example.org/a",
            evidence=({"user": "app"},),
            labels={"team": "x"},
        ),
    )


def test_pmm_words_of_severity_are_three_to_people() -> None:
    seen = {word: outcome_for(finding(severity=word)).findings[0].severity for word in SEVERITIES}
    assert [word for word, severity in seen.items() if severity is Severity.CRITICAL] == [
        *("emergency", "alert", "critical", "error")
    ]
    assert [word for word, severity in seen.items() if severity is Severity.MAJOR] == ["warning"]
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (3, "it is a value of type int, expected a dict"),
        ({"severity": "critical"}, "summary is missing or empty"),
        (finding(summary=""), "summary is missing or empty"),
        (finding(summary=7), "summary is a value of type int"),
        (finding(severity="dire"), "severity is 'dire', expected one of emergency"),
        (finding(severity=None), "severity is None"),
        (finding(read_more_url="javascript:alert(1)"), "read_more_url is"),
        (finding(read_more_url="https://["), "read_more_url is"),
        (finding(labels={"a": 1}), "labels"),
        (finding(labels=["a"]), "labels"),
        (finding(formerly=["a"]), "formerly"),
        (finding(object=["x"]), "object is a value of type list"),
        (finding(evidence=["x"]), "evidence"),
        (finding(evidence="x"), "evidence"),
    ],
)
def test_one_bad_finding_makes_an_error_that_keeps_the_good_ones(bad: Any, says: str) -> None:
    found = outcome_for(finding(object="good"), bad)
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.SCRIPT)
    assert found.reason.startswith("finding 2: ")
    assert says in found.reason
    assert [one.key for one in found.findings] == ["good"]


@pytest.mark.parametrize("word", ["Warning", "WARNING", " warning\n"])
def test_a_severity_may_be_written_in_any_case(word: str) -> None:
    assert outcome_for(finding(severity=word)).findings[0].severity is Severity.MAJOR


OF_PMM = replace(CHECK, ours=False)


@pytest.mark.parametrize("key", ["summary", "severity", "description", "read_more_url", "labels"])
def test_in_a_file_of_pmm_none_is_a_wrong_type(key: str) -> None:
    given = finding(**{key: None})
    found = outcome_of(OF_PMM, Returned(value=[given]))
    assert found.outcome is Outcome.ERROR
    assert go_outcome(given) == "error"


@pytest.mark.parametrize(
    "extra",
    [
        {"object": 3, "remediation": ["x"], "evidence": "x", "other": None},
        {"remediation": {"statement": 1}},
        {"labels": {}, "description": "", "read_more_url": ""},
        {"read_more_url": "/relative", "severity": "NOTICE", "labels": {"a": ""}},
    ],
)
def test_in_a_file_of_pmm_what_pmm_does_not_know_has_no_effect(extra: dict[str, Any]) -> None:
    given = finding(**extra)
    found = outcome_of(OF_PMM, Returned(value=[given]))
    assert found.outcome is Outcome.FAILED
    assert go_outcome(given) == "failed"


def go_outcome(given: dict[str, Any]) -> str:
    try:
        return findings_of([given]).outcome
    except PmmError:
        return "error"


@pytest.mark.parametrize("value", [None, {}, 3, True])
def test_anything_but_a_list_is_an_error(value: Any) -> None:
    found = outcome_of(CHECK, Returned(value=value))
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.SCRIPT)
    assert "expected a list of findings" in found.reason


def test_a_returned_text_is_an_error_that_says_it() -> None:
    found = outcome_of(CHECK, Returned(value="two rows expected"))
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.SCRIPT)
    assert found.reason == "the script returned an error: two rows expected"


def test_a_script_that_broke_or_skipped_says_why() -> None:
    broken = outcome_of(CHECK, Broken(reason="fail: no such table"))
    assert (broken.outcome, broken.kind) == (Outcome.ERROR, Kind.SCRIPT)
    skipped = outcome_of(CHECK, Skipped(reason="series unknown"))
    assert (skipped.outcome, skipped.kind, skipped.reason) == (
        Outcome.SKIPPED,
        Kind.UNDECIDED,
        "series unknown",
    )
    outside = outcome_of(CHECK, Skipped(reason="no replica", applicable=False))
    assert (outside.outcome, outside.kind) == (Outcome.SKIPPED, Kind.NOT_APPLICABLE)


def test_equal_findings_are_one_and_unequal_ones_of_one_object_stay_distinct() -> None:
    found = outcome_for(
        finding(object="a", summary="x"),
        finding(object="a", summary="x"),
        finding(object="a", summary="y"),
        finding(object="a#2"),
    )
    assert sorted((one.key, one.summary) for one in found.findings) == [
        ("a", "x"),
        ("a#2", "bad"),
        ("a#3", "y"),
    ]


def test_keys_do_not_depend_on_the_order_in_which_a_script_found_things() -> None:
    findings = [finding(object="a", summary=f"s{n}", evidence=[{"n": n}]) for n in range(20)]
    findings += [finding(summary=f"s{n}") for n in range(20)]
    shuffled = random.Random(1).sample(findings, len(findings))  # noqa: S311  # no secret
    assert outcome_for(*findings).findings == outcome_for(*shuffled).findings


def test_too_many_findings_are_an_error_that_counts_all_and_keeps_the_most_severe() -> None:
    many = [finding(object=f"t{n}", severity="info") for n in range(MAX_FINDINGS)]
    found = outcome_for(*many, finding(object="worst"))
    assert (found.outcome, found.kind) == (Outcome.ERROR, Kind.TOO_LARGE)
    assert found.reason == "501 findings (1 critical, 500 trivial), the limit is 500"
    assert len(found.findings) == MAX_FINDINGS
    assert found.findings[0].key == "worst"


def test_a_great_many_findings_of_one_object_are_processed_in_linear_time() -> None:
    found = outcome_for(*(finding(object="a", summary=str(n)) for n in range(20_000)))
    assert found.kind is Kind.TOO_LARGE


def test_evidence_is_plain_bounded_and_without_stored_passwords() -> None:
    rows = [{"User": "a", "authentication_string": "*DEADBEEF", "password": "", "Priv": {"x": 1}}]
    found = outcome_for(finding(evidence=rows + [{"n": n} for n in range(60)]))
    (first, *_, last) = found.findings[0].evidence
    assert first == {
        "User": "a",
        "authentication_string": "****",
        "password": "",
        "Priv": "****",
    }
    assert last == {"rows_not_shown": 11}
    assert len(found.findings[0].evidence) == sanitize.MAX_ROWS + 1


def test_whatever_a_script_returns_can_be_sent() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"d": [deep]}
    weird = {"big": 2**80, "nan": float("nan"), "half": "\ud800", "deep": deep, "t": (1, None)}
    found = outcome_for(finding(summary="\ud800" * 9_000, object="o\ud800", evidence=weird))
    assert msgspec.json.decode(msgspec.json.encode(found), type=CheckOutcome) == found
    assert len(found.findings[0].summary) <= 500


def test_outcomes_that_do_not_fit_give_up_findings_but_not_their_counts() -> None:
    small = outcome_for(finding(object="small"))
    large = outcome_for(*(finding(object=f"t{n}", description="x" * 3_000) for n in range(400)))
    kept, reduced = fit([small, large], 100_000)
    assert kept == small
    assert (reduced.outcome, reduced.kind, reduced.findings) == (
        Outcome.ERROR,
        Kind.TOO_LARGE,
        (),
    )
    assert reduced.reason.startswith("400 findings (400 critical) of ")
    assert len(msgspec.json.encode([kept, reduced])) <= 100_000
