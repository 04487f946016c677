"""The life of a finding: opened, changed, resolved, reopened, and never closed by not looking."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.findings import Folded
from stt_coordinator.domain.model import LEARNED
from stt_shared.protocol.enums import Change, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.records import FindingEvent
from tests.support.coordinator.coordination import failed, finding, passed
from tests.support.coordinator.life import ERROR, Life, evidence


def changes(events: Sequence[FindingEvent]) -> list[Change]:
    return [event.change for event in events]


def test_finding_opens_resolves_and_reopens_with_its_first_day_kept() -> None:
    life = Life()
    for minute, outcome in enumerate((failed("c"), passed("c"), failed("c"))):
        life.apply(outcome, minute)
    (record,) = life.known.values()
    assert changes(life.events) == [Change.OPENED, Change.RESOLVED, Change.REOPENED]
    assert record.state is FindingState.REOPENED
    assert record.first_seen == evidence(0).finished
    assert record.since == record.last_confirmed == evidence(2).finished
    assert record.resolved_at is None
    assert life.events[1].after.resolved_at == evidence(1).finished
    assert life.events[2].before == life.events[1].after


def test_one_of_two_findings_is_resolved_while_the_other_stays() -> None:
    life = Life()
    life.apply(failed("c", finding("a"), finding("b")), 0)
    life.apply(failed("c", finding("b")), 1)
    assert life.states == {"a": FindingState.RESOLVED, "b": FindingState.OPEN}
    assert changes(life.events) == [Change.OPENED, Change.OPENED, Change.RESOLVED]


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.TIMEOUT, Kind.DISABLED, Kind.NO_WORKER])
def test_not_looking_keeps_findings_open_and_does_not_confirm_them(kind: Kind) -> None:
    life = Life()
    life.apply(failed("c"), 0)
    before = dict(life.known)
    outcome = Outcome.SKIPPED if kind is Kind.DISABLED else Outcome.ERROR
    folded = life.apply(CheckOutcome(check="c", outcome=outcome, kind=kind), 1)
    assert folded == Folded()
    assert life.known == before


def test_severity_change_is_an_event_and_new_words_are_not() -> None:
    life = Life()
    life.apply(failed("c", finding("a", Severity.MAJOR)), 0)
    folded = life.apply(failed("c", finding("a", Severity.CRITICAL)), 1)
    assert changes(folded.events) == [Change.CHANGED]
    assert folded.events[0].before is not None
    assert folded.events[0].before.severity is Severity.MAJOR
    reworded = Finding(key="a", object="a", severity=Severity.CRITICAL, summary="in other words")
    folded = life.apply(failed("c", reworded), 2)
    assert (folded.events, [one.summary for one in folded.records]) == ((), ["in other words"])


def test_older_result_that_comes_late_overrides_nothing() -> None:
    life = Life()
    life.apply(passed("c"), 5)
    assert life.apply(failed("c"), 4) == Folded()
    assert life.known == {}


def test_two_findings_of_one_identity_are_one_with_the_higher_severity() -> None:
    life = Life()
    twice = (finding("a", Severity.CRITICAL), finding("a", Severity.TRIVIAL))
    for order in (twice, twice[::-1]):
        life = Life()
        life.apply(failed("c", *order), 0)
        assert [one.severity for one in life.known.values()] == [Severity.CRITICAL]


def test_failed_outcome_that_names_nothing_resolves_nothing() -> None:
    life = Life()
    life.apply(failed("c"), 0)
    assert life.apply(CheckOutcome(check="c", outcome=Outcome.FAILED), 1) == Folded()


outcomes = st.one_of(
    st.just(passed("c")),
    st.just(ERROR),
    st.lists(
        st.builds(finding, st.sampled_from("abc"), st.sampled_from(Severity)),
        min_size=1,
        max_size=3,
    ).map(lambda found: failed("c", *found)),
)


@given(st.lists(outcomes, max_size=8))
def test_same_result_applied_twice_changes_nothing(history: list[CheckOutcome]) -> None:
    life = Life()
    for minute, outcome in enumerate(history):
        life.apply(outcome, minute)
        known, number = dict(life.known), len(life.events)
        assert life.apply(outcome, minute) == Folded()
        assert (life.known, len(life.events)) == (known, number)


@given(st.lists(outcomes, min_size=1, max_size=8))
def test_newest_passed_or_failed_result_alone_decides_what_is_open(
    history: list[CheckOutcome],
) -> None:
    life = Life()
    for minute, outcome in enumerate(history):
        life.apply(outcome, minute)
    learned = [outcome for outcome in history if outcome.outcome in LEARNED]
    expected = {one.object for one in learned[-1].findings} if learned else set()
    is_open = {name for name, state in life.states.items() if state is not FindingState.RESOLVED}
    assert is_open == expected


@given(st.lists(outcomes, min_size=1, max_size=6), st.randoms())
def test_results_in_any_order_end_with_the_same_findings_open(
    history: list[CheckOutcome], dice: object
) -> None:
    numbered = list(enumerate(history))
    shuffled = list(numbered)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    lives = []
    for order in (numbered, shuffled):
        life = Life()
        for minute, outcome in order:
            life.apply(outcome, minute)
        lives.append({n for n, state in life.states.items() if state is not FindingState.RESOLVED})
    assert lives[0] == lives[1]


@given(st.lists(outcomes, max_size=8))
def test_each_event_says_what_really_changed(history: list[CheckOutcome]) -> None:
    life = Life()
    for minute, outcome in enumerate(history):
        before = dict(life.known)
        for event in life.apply(outcome, minute).events:
            assert event.before == before.get(event.after.id)
            assert event.after == life.known[event.after.id]
            assert event.after.state != FindingState.RESOLVED or event.change is Change.RESOLVED
