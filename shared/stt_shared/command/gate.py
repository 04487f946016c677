"""The rule of exit codes: from the counts of a report to a code and its reason."""

from __future__ import annotations

from enum import StrEnum

from stt_shared.errors import (
    EXIT_DISABLED,
    EXIT_FINDINGS,
    EXIT_INCOMPLETE,
    EXIT_UNREACHABLE,
    EXIT_USAGE,
)
from stt_shared.protocol.records import Counts
from stt_shared.report.counts import parts_sentence

EXIT_OK = 0
# The first that applies wins: a run that was not possible must not look like one with findings.
ORDER = (EXIT_USAGE, EXIT_UNREACHABLE, EXIT_DISABLED, EXIT_FINDINGS, EXIT_INCOMPLETE)


class FailOn(StrEnum):
    """The least severe finding that makes a command fail; `none` only reports."""

    CRITICAL = "critical"
    MAJOR = "major"
    TRIVIAL = "trivial"
    NONE = "none"


def failed_at_or_above(counts: Counts, fail_on: FailOn) -> int:
    """How many findings count against `fail_on`."""
    numbers = {
        FailOn.NONE: 0,
        FailOn.CRITICAL: counts.critical,
        FailOn.MAJOR: counts.critical + counts.major,
        FailOn.TRIVIAL: counts.critical + counts.major + counts.trivial,
    }
    return numbers[fail_on]


def exit_code(
    counts: Counts,
    fail_on: FailOn = FailOn.CRITICAL,
    *,
    allow_incomplete: bool = False,
    disabled: bool = False,
    unreachable: str = "",
    left_out: int = 0,
    without_result: int = 0,
    nothing: bool = False,
) -> tuple[int, str]:
    """The exit code and its reason; of several that apply, the first in ORDER.

    `unreachable` names what could not be reached; `left_out` counts faults of check files, whose
    checks were not run; `without_result` counts targets without a result; `nothing` means that
    there is no result at all, which no option turns into a pass. The reason is empty with code 0.
    """
    reasons: dict[int, str] = {}
    if unreachable:
        reasons[EXIT_UNREACHABLE] = unreachable
    if disabled:
        reasons[EXIT_DISABLED] = "checks are disabled"
    if failed := failed_at_or_above(counts, fail_on):
        reasons[EXIT_FINDINGS] = (
            f"{failed} failed {_plural('check', failed)} at or above {fail_on}"
            " (--fail-on none to report only)"
        )
    if counts.not_checked and not allow_incomplete:
        reasons[EXIT_INCOMPLETE] = (
            f"{counts.not_checked} {_plural('check', counts.not_checked)} could not be evaluated"
            " (--allow-incomplete to accept that)"
        )
    elif counts.parts_not_checked and not allow_incomplete:
        reasons[EXIT_INCOMPLETE] = f"{parts_sentence(counts)} (--allow-incomplete to accept that)"
    elif left_out and not allow_incomplete:
        reasons[EXIT_INCOMPLETE] = (
            f"checks were skipped for {left_out} {_plural('fault', left_out)} in their files"
            " (--allow-incomplete to accept that)"
        )
    elif without_result and not allow_incomplete:
        reasons[EXIT_INCOMPLETE] = (
            f"{without_result} {_plural('database', without_result)} without any result"
            " (--allow-incomplete to accept that)"
        )
    if nothing:
        reasons[EXIT_INCOMPLETE] = "nothing was checked"
    code = next((code for code in ORDER if code in reasons), EXIT_OK)
    return code, reasons.get(code, "")


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
