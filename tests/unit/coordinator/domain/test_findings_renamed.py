"""A finding whose object a release changes stays the finding that it was."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from stt_coordinator.domain.findings import identify
from stt_shared.identity import finding_id
from stt_shared.protocol.enums import Change, FindingState, Severity
from stt_shared.protocol.messages import Finding
from tests.support.coordinator.coordination import failed, passed
from tests.support.coordinator.life import Life, evidence


def by_line(line: int, rule: str, **values: object) -> Finding:
    one = Finding(
        key=f"f:{line}",
        object=f"f:{line}",
        severity=Severity.MAJOR,
        summary=f"f:{line} {rule}",
        evidence=({"line": line, "rule": rule},),
    )
    return msgspec.structs.replace(one, **values)


def by_text(line: int, rule: str, key: str = "") -> Finding:
    return by_line(line, rule, key=key or rule, object=rule, formerly={"rule": rule})


def ids(life: Life) -> dict[str, str | None]:
    return {one.id: one.object for one in life.known.values()}


def test_known_findings_keep_their_ids_wherever_their_lines_are_now() -> None:
    life = Life()
    life.apply(failed("c", by_line(1, "a"), by_line(2, "b")), 0)
    a, b = (finding_id("t1", "c", f"f:{line}") for line in (1, 2))
    folded = life.apply(failed("c", by_text(1, "new"), by_text(2, "a"), by_text(3, "b")), 1)
    new = finding_id("t1", "c", "new")
    assert ids(life) == {a: "a", b: "b", new: "new"}
    assert [(one.change, one.after.id) for one in folded.events] == [(Change.OPENED, new)]
    assert life.known[a].first_seen == evidence(0).finished
    # From now on by the object, also where the evidence has changed.
    other = msgspec.structs.replace(by_text(9, "a"), formerly={"rule": "A"})
    assert life.apply(failed("c", by_text(1, "new"), other, by_text(8, "b")), 2).events == ()
    assert ids(life) == {a: "a", b: "b", new: "new"}


def test_a_renamed_finding_is_resolved_and_reopened_under_its_id() -> None:
    life = Life()
    life.apply(failed("c", by_line(1, "a")), 0)
    life.apply(failed("c", by_text(1, "a")), 1)
    life.apply(passed("c"), 2)
    life.apply(failed("c", by_text(5, "a")), 3)
    assert [one.change for one in life.events] == [
        Change.OPENED,
        Change.RESOLVED,
        Change.REOPENED,
    ]
    assert len({one.after.id for one in life.events}) == 1


def test_of_several_former_findings_the_open_one_goes_on() -> None:
    life = Life()
    for minute, line in enumerate((3, 1, 2)):
        life.apply(failed("c", by_line(line, "a")), minute)
    life.apply(failed("c", by_text(4, "a")), 3)
    states = {one.object: one.state for one in life.known.values()}
    assert states == {
        "a": FindingState.OPEN,
        "f:1": FindingState.RESOLVED,
        "f:3": FindingState.RESOLVED,
    }
    assert life.known[finding_id("t1", "c", "f:2")].last_confirmed == evidence(3).finished


def test_two_findings_of_one_text_never_become_one() -> None:
    life = Life()
    life.apply(failed("c", by_line(1, "a")), 0)
    for minute in (1, 2):
        life.apply(failed("c", by_text(1, "a"), by_text(2, "a", key="a#2")), minute)
    assert ids(life) == {finding_id("t1", "c", "f:1"): "a", finding_id("t1", "c", "a#2"): "a"}
    assert [one.change for one in life.events] == [Change.OPENED] * 2


def test_formerly_takes_over_no_finding_without_object_of_another_check_or_target() -> None:
    life = Life()
    plain = by_line(1, "a", key="~1", object=None)
    life.apply(failed("c", plain), 0)
    life.apply(passed("c"), 1)
    forged = by_line(2, "b", key="~2", object=None, formerly={"rule": "b"})
    life.apply(failed("c", forged), 2)
    before = {one.id: one.state for one in life.known.values()}
    assert before == {
        finding_id("t1", "c", "~1"): FindingState.RESOLVED,
        finding_id("t1", "c", "~2"): FindingState.OPEN,
    }
    same = failed("d", by_text(1, "a"), by_text(2, "b"))
    for known, target in ((life.known, "t1"), (life.known, "t2")):
        got = identify(known, same, target)
        assert got == {rule: finding_id(target, "d", rule) for rule in ("a", "b")}
    other = identify(life.known, failed("c", by_text(1, "a")), "t2")
    assert other == {"a": finding_id("t2", "c", "a")}


def test_an_older_release_that_answers_late_changes_nothing() -> None:
    life = Life()
    life.apply(failed("c", by_text(1, "a")), 5)
    before = dict(life.known)
    life.apply(failed("c", by_line(1, "a")), 4)
    assert life.known == before
    assert life.known[finding_id("t1", "c", "a")].last_confirmed - evidence(
        5
    ).finished == timedelta(0)
