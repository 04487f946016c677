"""What a verdict left out it does not clear: findings of databases that nobody asked stay open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.findings import covers
from stt_shared.protocol.enums import FindingState, Kind, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding, PartNotChecked
from stt_shared.protocol.records import FindingRecord
from tests.support.coordinator.coordination import failed, finding, passed
from tests.support.coordinator.life import ERROR, Life

DATABASES = ("app", "billing", "old")


def part(name: str) -> PartNotChecked:
    return PartNotChecked(name=name, kind=Kind.NO_PRIVILEGE, reason="no CONNECT")


def of(database: str) -> Finding:
    return msgspec.structs.replace(finding(database), labels={"database": database})


def outcome_with_parts(
    bad: Iterable[str], left_out: Iterable[str], *, unnamed: bool = False
) -> CheckOutcome:
    """What a check says of a server where `bad` are bad and `left_out` cannot be asked."""
    parts = tuple(map(part, sorted(left_out)))
    found = [of(name) for name in sorted(set(bad) - set(left_out))]
    found += [finding("server")] if unnamed else []
    outcome = failed("c", *found) if found else passed("c")
    return msgspec.structs.replace(outcome, parts_not_checked=parts)


def is_open(life: Life) -> set[str | None]:
    return {name for name, state in life.states.items() if state is not FindingState.RESOLVED}


def test_a_finding_of_a_database_that_is_closed_now_stays_open_and_is_not_confirmed() -> None:
    life = Life()
    life.apply(outcome_with_parts(["app", "billing"], []), 0)
    before = {one.object: one for one in life.known.values()}
    life.apply(outcome_with_parts([], ["billing"]), 1)
    assert is_open(life) == {"billing"}
    after = {one.object: one for one in life.known.values()}
    assert after["billing"] == before["billing"]


def test_a_finding_that_names_no_database_stays_open_while_one_is_closed() -> None:
    life = Life()
    life.apply(outcome_with_parts([], [], unnamed=True), 0)
    life.apply(outcome_with_parts([], ["old"]), 1)
    assert is_open(life) == {"server"}
    life.apply(outcome_with_parts([], []), 2)
    assert is_open(life) == set()


def test_a_new_finding_of_a_database_that_was_asked_opens_while_another_is_closed() -> None:
    life = Life()
    life.apply(outcome_with_parts(["app"], ["old"]), 0)
    assert is_open(life) == {"app"}


def test_a_finding_reopens_when_its_database_is_asked_again_and_still_bad() -> None:
    life = Life()
    for minute, (bad, left_out) in enumerate([("app", ""), ("", ""), ("app", "old")]):
        life.apply(outcome_with_parts([bad] if bad else [], [left_out] if left_out else []), minute)
    assert life.states == {"app": FindingState.REOPENED}


@pytest.mark.parametrize(
    ("labels", "speaks"), [({"database": "app"}, True), ({"database": "old"}, False), ({}, False)]
)
def test_a_verdict_speaks_only_of_databases_that_were_asked(
    labels: dict[str, str], *, speaks: bool
) -> None:
    assert covers([part("old")], labels) is speaks
    assert covers([], labels)


class Step(NamedTuple):
    """What is true of the server at one run, and what the run may see of it."""

    bad: frozenset[str]
    left_out: frozenset[str]
    unnamed: bool
    is_error: bool


steps = st.builds(
    Step,
    bad=st.frozensets(st.sampled_from(DATABASES)),
    left_out=st.frozensets(st.sampled_from(DATABASES)),
    unnamed=st.booleans(),
    is_error=st.booleans(),
)


@given(st.lists(steps, min_size=1, max_size=8))
def test_whatever_is_closed_when_a_finding_is_open_as_its_last_asked_run_says(
    history: list[Step],
) -> None:
    life = Life()
    expected: set[str | None] = set()
    for minute, step in enumerate(history):
        before = dict(life.known)
        outcome = (
            ERROR
            if step.is_error
            else outcome_with_parts(step.bad, step.left_out, unnamed=step.unnamed)
        )
        life.apply(outcome, minute)
        if not step.is_error:
            expected = _expected(expected, step)
        assert is_open(life) == expected
        _assert_unseen_are_as_before(before, life.known, outcome)


def _expected(before: set[str | None], step: Step) -> set[str | None]:
    """Each database by the last run that asked it; what names none by the last whole run."""
    kept = before & step.left_out
    if "server" in before and step.left_out:
        kept |= {"server"}
    return kept | (step.bad - step.left_out) | ({"server"} if step.unnamed else set())


def _assert_unseen_are_as_before(
    before: dict[str, FindingRecord], after: dict[str, FindingRecord], outcome: CheckOutcome
) -> None:
    left_out = {one.name for one in outcome.parts_not_checked}
    for id_, record in before.items():
        if record.object in left_out:
            assert after[id_] == record


@given(st.lists(steps, max_size=8))
def test_the_same_partial_result_applied_twice_changes_nothing(history: list[Step]) -> None:
    life = Life()
    for minute, step in enumerate(history):
        outcome = outcome_with_parts(step.bad, step.left_out, unnamed=step.unnamed)
        life.apply(outcome, minute)
        known, number = dict(life.known), len(life.events)
        life.apply(outcome, minute)
        assert (life.known, len(life.events)) == (known, number)


def test_severity_of_a_finding_that_is_left_out_does_not_change() -> None:
    life = Life()
    life.apply(outcome_with_parts(["old"], []), 0)
    (record,) = life.known.values()
    assert record.severity is Severity.CRITICAL
    life.apply(outcome_with_parts(["app"], ["old"]), 1)
    assert {one.object for one in life.known.values() if one == record} == {"old"}
