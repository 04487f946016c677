"""Between two runs a database that one of them left out has neither fixed nor new findings."""

from __future__ import annotations

import msgspec

from stt_coordinator.domain.diff import of_target
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import PartNotChecked
from stt_shared.protocol.queries.reports import ReportedResult
from tests.support.coordinator.answers import ENDED, HOUR, LATER, answers, found, reported

OLD_DATABASE = PartNotChecked(name="old", kind=Kind.QUERY, reason="invalid")
IN_OLD = found("f_old", labels={"database": "old"})
IN_APP = found("f_app", labels={"database": "app"})
UNNAMED = found("f_any")


def partly(one: ReportedResult) -> ReportedResult:
    return msgspec.structs.replace(one, parts_not_checked=(OLD_DATABASE,))


def compared(before: ReportedResult, later: ReportedResult) -> tuple[list[tuple[str, str]], int]:
    diff = of_target(answers(before), answers(later), ENDED, LATER)
    return [(str(one.change), one.finding.id) for one in diff.differences], diff.not_compared


def test_only_what_is_in_a_database_that_was_asked_is_fixed() -> None:
    before, later = reported("c", IN_OLD, IN_APP, UNNAMED), partly(reported("c"))
    assert compared(before, later) == ([("resolved", "f_app")], 1)


def test_a_database_that_is_asked_again_shows_as_new_what_opened_between() -> None:
    fresh = found("f_new", labels={"database": "old"}, since=ENDED + HOUR)
    before, later = partly(reported("c")), reported("c", IN_OLD, IN_APP, fresh)
    assert compared(before, later) == ([("opened", "f_app"), ("opened", "f_new")], 0)


def test_two_runs_that_left_nothing_out_are_compared_as_ever() -> None:
    assert compared(reported("c", IN_OLD), reported("c", UNNAMED)) == (
        [("opened", "f_any"), ("resolved", "f_old")],
        0,
    )
