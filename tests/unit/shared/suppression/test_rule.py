"""Suppressions: what they hold for, and that they take nothing from a finding."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.protocol.enums import FindingState, Severity
from stt_shared.protocol.records import FindingRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import plain, scope_of, state_of
from tests.support.shared.suppressions import (
    DAY,
    LABELS,
    NOW,
    TODAY,
    finding,
    suppression,
    suppressor_of,
)

names = st.sampled_from(("c1", "c2"))
targets = st.sampled_from(("t1", "t2", "t3"))
sites = st.sampled_from(("eu", "us"))
ids = st.sampled_from(("f_1", "f_2"))
days = st.integers(-3, 400).map(lambda n: TODAY + n * DAY)
findings = st.builds(
    finding,
    id=ids,
    target=targets,
    site=sites,
    check=names,
    state=st.sampled_from(FindingState),
    severity=st.sampled_from(Severity),
)
scopes = st.one_of(
    st.fixed_dictionaries({"finding": ids, "check": names, "target": targets}),
    st.fixed_dictionaries({"check": names, "target": targets}),
    st.fixed_dictionaries(
        {"check": names, "target": st.just(""), "label": st.sampled_from(("team=orders", "x=y"))}
    ),
    st.fixed_dictionaries({"check": names, "target": st.just(""), "site": sites}),
    st.fixed_dictionaries(
        {
            "check": names,
            "target": st.just(""),
            "site": sites,
            "severity": st.sampled_from(Severity),
        }
    ),
)


@st.composite
def suppressions(draw: st.DrawFn) -> list[SuppressionRecord]:
    return [
        suppression(
            id=f"x_{number}",
            until=draw(days),
            revoked=draw(st.sampled_from((None, None, NOW))),
            ended=draw(st.sampled_from((None, None, NOW))),
            **draw(scopes),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@given(suppressions(), findings)
def test_exceptions_take_nothing_away_from_a_finding(
    made: list[SuppressionRecord], record: FindingRecord
) -> None:
    evaluated = suppressor_of(*made).apply(record)
    assert evaluated.state is record.state
    assert plain(evaluated) == record
    assert suppressor_of(*made).apply(evaluated) == evaluated


@given(suppressions(), findings)
def test_without_any_exception_everything_is_back(
    made: list[SuppressionRecord], record: FindingRecord
) -> None:
    assert suppressor_of().apply(suppressor_of(*made).apply(record)) == record


@given(suppressions(), findings)
def test_a_finding_is_accepted_exactly_while_one_that_fits_is_live(
    made: list[SuppressionRecord], record: FindingRecord
) -> None:
    fits = [
        one
        for one in made
        if one.severity is None
        and one.revoked is None
        and one.ended is None
        and one.until is not None
        and scope_fits(one, record)
    ]
    accepted = suppressor_of(*made).apply(record).accepted
    if not fits or record.state is FindingState.RESOLVED:
        assert accepted is None
    else:
        assert accepted is not None
        assert accepted.until == max(one.until for one in fits if one.until is not None)


def scope_fits(one: SuppressionRecord, record: FindingRecord) -> bool:
    if one.finding:
        return one.finding == record.id
    place = {"target": record.target, "site": record.site}
    wanted = {name: value for name in place if (value := getattr(one, name))}
    labels = {f"{key}={value}" for key, value in LABELS.get(record.target, {}).items()}
    fits_label = not one.label or one.label in labels
    return (
        one.check == record.check
        and fits_label
        and all(place[name] == value for name, value in wanted.items())
    )


def test_it_is_live_until_its_end_is_recorded() -> None:
    one = suppression()
    assert state_of(one) == "live"
    assert state_of(msgspec.structs.replace(one, ended=NOW)) == "ended"
    assert state_of(msgspec.structs.replace(one, revoked=NOW)) == "revoked"


@pytest.mark.parametrize("severity", list(Severity))
def test_another_severity_counts_at_its_site_alone_and_the_reported_one_is_kept(
    severity: Severity,
) -> None:
    other = suppression(target="", site="eu", severity=Severity.TRIVIAL, until=None)
    here = suppressor_of(other).apply(finding(severity=severity))
    there = suppressor_of(other).apply(finding(severity=severity, site="us"))
    assert (here.severity, here.accepted) == (Severity.TRIVIAL, None)
    assert here.said_severity is (None if severity is Severity.TRIVIAL else severity)
    assert (there.severity, there.said_severity) == (severity, None)


def test_scopes_of_different_kinds_are_never_the_same() -> None:
    whole = [
        suppression(finding="f_1"),
        suppression(),
        suppression(target="", label="t1=t1"),
        suppression(target="", site="t1"),
        suppression(target="", site="t1", severity=Severity.MAJOR),
    ]
    assert len({scope_of(one) for one in whole}) == len(whole)
