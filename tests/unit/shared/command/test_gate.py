"""The exit code says the worst that holds, and the last line says why."""

from __future__ import annotations

import pytest

from stt_shared.command.gate import FailOn, exit_code
from stt_shared.protocol.records import Counts

MANY = Counts(critical=3, major=2, trivial=1)


@pytest.mark.parametrize(
    ("fail_on", "code", "start"),
    [
        (FailOn.CRITICAL, 1, "3 failed checks at or above critical"),
        (FailOn.MAJOR, 1, "5 failed checks at or above major"),
        (FailOn.TRIVIAL, 1, "6 failed checks at or above trivial"),
        (FailOn.NONE, 0, ""),
    ],
)
def test_findings_at_or_above_the_limit_fail(fail_on: FailOn, code: int, start: str) -> None:
    found, why = exit_code(MANY, fail_on)
    assert found == code
    assert why.startswith(start)


def test_the_reason_is_worded_as_documented() -> None:
    assert exit_code(MANY) == (
        1,
        "3 failed checks at or above critical (--fail-on none to report only)",
    )


def test_findings_below_the_limit_do_not_fail() -> None:
    assert exit_code(Counts(major=9), FailOn.CRITICAL) == (0, "")


def test_incomplete_is_three_unless_it_is_allowed() -> None:
    counts = Counts(not_checked=1)
    assert exit_code(counts)[0] == 3
    assert exit_code(counts)[1].startswith("1 check could not be evaluated")
    assert exit_code(counts, allow_incomplete=True) == (0, "")
    assert exit_code(counts, FailOn.NONE)[0] == 3


def test_databases_that_were_left_out_are_incomplete_too() -> None:
    counts = Counts(passed=3, parts_not_checked=2)
    code, why = exit_code(counts)
    assert (code, why[:33]) == (3, "2 parts of databases not checked ")
    assert exit_code(counts, allow_incomplete=True) == (0, "")


@pytest.mark.parametrize(
    ("unreachable", "disabled", "critical", "code"),
    [("NATS", True, 1, 4), ("", True, 1, 5), ("", False, 1, 1), ("", False, 0, 3)],
)
def test_where_several_hold_unreachable_beats_disabled_beats_findings_beats_incomplete(
    unreachable: str, disabled: bool, critical: int, code: int
) -> None:
    counts = Counts(critical=critical, not_checked=1)
    assert exit_code(counts, disabled=disabled, unreachable=unreachable)[0] == code
