"""What is different between two runs of one target, and what events come to."""

from __future__ import annotations

from datetime import date

import msgspec

from stt_coordinator.domain.diff import Answers, net, of_target
from stt_coordinator.domain.suppression import as_of
from stt_shared.protocol.enums import Change, Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.protocol.records import Acceptance, FindingEvent, FindingRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.coordinator.answers import ENDED, HOUR, LATER, OLD, answers, found, reported
from tests.support.coordinator.coordination import NOW

ACCEPTED = Acceptance(exception="x_a", until=date(2026, 12, 1), by="ann", reason="proxy only")


def error(check: str, kind: Kind = Kind.TIMEOUT) -> ReportedResult:
    return reported(check, outcome=Outcome.ERROR, kind=kind)


def differences(before: Answers, later: Answers) -> list[tuple[str, str]]:
    diff = of_target(before, later, ENDED, LATER)
    return [(str(one.change), one.finding.id) for one in diff.differences]


def test_what_is_in_one_run_alone_is_new_or_resolved() -> None:
    before = answers(reported("c1", found("f_a"), found("f_b")), reported("c2"))
    later = answers(reported("c1", found("f_b")), reported("c2", found("f_c")))
    assert differences(before, later) == [("resolved", "f_a"), ("opened", "f_c")]
    assert differences(later, later) == []


def test_another_severity_and_being_accepted_are_reported_once_each() -> None:
    before = answers(reported("c1", found("f_a"), found("f_b"), found("f_c", accepted=ACCEPTED)))
    worse, kept = Severity.CRITICAL, found("f_b", accepted=ACCEPTED, severity=Severity.TRIVIAL)
    later = answers(reported("c1", found("f_a", severity=worse), kept, found("f_c")))
    diff = of_target(before, later, ENDED, LATER).differences
    assert [(one.change, one.was) for one in diff] == [
        (Change.CHANGED, Severity.MAJOR),
        (Change.ACCEPTED, Severity.MAJOR),
        (Change.UNACCEPTED, None),
    ]


def test_a_check_without_a_decision_resolves_nothing_and_is_counted() -> None:
    before = answers(reported("c1", found("f_a")), reported("c2"))
    diff = of_target(before, answers(error("c1"), reported("c2")), ENDED, LATER)
    assert (diff.differences, diff.unchecked, diff.not_compared) == ((), False, 1)
    not_asked = of_target(before, None, ENDED, LATER)
    assert (not_asked.differences, not_asked.unchecked, not_asked.not_compared) == ((), False, 2)


def test_a_target_without_any_answer_is_not_checked_but_one_to_which_nothing_applies_is() -> None:
    before = answers(reported("c1", found("f_a")))
    for later in ({}, answers(error("c1", Kind.UNREACHABLE))):
        diff = of_target(before, later, ENDED, LATER)
        assert (diff.differences, diff.unchecked) == ((), True)
    nothing = answers(reported("c1", outcome=Outcome.SKIPPED, kind=Kind.NOT_APPLICABLE))
    diff = of_target(before, nothing, ENDED, LATER)
    assert (diff.unchecked, diff.not_compared) == (False, 1)


def test_after_a_run_that_did_not_reach_the_target_only_what_opened_since_is_new() -> None:
    ages = {"f_old": OLD, "f_new": ENDED + HOUR, "f_back_later": LATER + HOUR}
    later = answers(reported("c1", *(found(id_, since=since) for id_, since in ages.items())))
    for before in ({}, answers(error("c1"))):
        assert differences(before, later) == [("opened", "f_new")]


def record(id_: str = "f_a", **changes: object) -> FindingRecord:
    values: dict[str, object] = {
        "id": id_,
        "target": "t1",
        "family": Family.MYSQL,
        "site": "eu",
        "check": "c1",
        "state": FindingState.OPEN,
        "severity": Severity.MAJOR,
        "summary": "",
        "first_seen": OLD,
        "last_confirmed": OLD,
        "since": OLD,
    }
    return FindingRecord(**(values | changes))  # type: ignore[arg-type]


def event(change: Change, before: FindingRecord | None, after: FindingRecord) -> FindingEvent:
    return FindingEvent(change=change, at=NOW, run_id="r", before=before, after=after)


def come_to(*events: FindingEvent) -> list[tuple[str, str]]:
    return [(str(one.change), one.finding.id) for one in net(events)]


def test_events_come_to_what_is_different_in_the_end() -> None:
    is_open, accepted = record(), record(accepted=ACCEPTED)
    gone = record(state=FindingState.RESOLVED)
    back = record(state=FindingState.REOPENED)
    opened, resolved = event(Change.OPENED, None, is_open), event(Change.RESOLVED, is_open, gone)
    reopened, put_up = event(Change.REOPENED, gone, back), event(Change.ACCEPTED, is_open, accepted)
    assert come_to(opened) == [("opened", "f_a")]
    assert come_to(resolved) == [("resolved", "f_a")]
    assert come_to(reopened) == [("opened", "f_a")]
    assert come_to(opened, resolved) == []
    assert come_to(resolved, reopened) == []
    assert come_to(put_up) == [("accepted", "f_a")]
    assert come_to(opened, put_up) == [("opened", "f_a")]
    assert come_to(put_up, event(Change.UNACCEPTED, accepted, is_open)) == []


def test_exceptions_are_seen_as_they_were_at_an_instant() -> None:
    made = SuppressionRecord(id="x_a", reason="r", by="ann", created=NOW, until=date(2026, 12, 1))
    taken_back = msgspec.structs.replace(made, revoked=NOW + HOUR)
    over = msgspec.structs.replace(made, ended=NOW + HOUR)
    assert as_of([made], NOW - HOUR) == []
    for one in (made, taken_back, over):
        assert as_of([one], NOW) == [made]
    assert as_of([made, taken_back, over], NOW + 2 * HOUR) == [made]
