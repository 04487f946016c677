"""The output of a monitoring plugin: one line, performance data, an exit code."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.records import Counts
from stt_shared.report import readable
from stt_shared.report.counts import parts_sentence
from stt_shared.report.formats.report_context import ReportContext
from stt_shared.report.theme import clean

MAX_LINES = 20  # findings below the first line, and as many targets that were not checked


class State(IntEnum):
    """The state of a plugin, which is its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class NotCheckedAs(StrEnum):
    """The state if something could not be checked and no worse state applies."""

    UNKNOWN = "unknown"
    WARNING = "warning"
    OK = "ok"


_WORST_FIRST = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK)


def state(
    counts: Counts,
    not_checked_as: NotCheckedAs,
    *,
    without_result: int = 0,
    unwell: bool = False,
    disabled: bool = False,
) -> State:
    """The worst state that applies.

    `without_result` counts targets without a result; `unwell`: STT itself has a fault. While checks
    are `disabled`, results become old: the state is unknown, unless it was critical.
    """
    if disabled:
        return State.CRITICAL if counts.critical else State.UNKNOWN
    holds = {
        State.CRITICAL: bool(counts.critical),
        State.WARNING: bool(counts.major) or unwell,
        State.UNKNOWN: not counts.targets,
    }
    if counts.not_checked or counts.parts_not_checked or without_result:
        holds[State[not_checked_as.name]] = True
    return next(one for one in _WORST_FIRST if holds.get(one) or one is State.OK)


def of_report(context: ReportContext, not_checked_as: NotCheckedAs = NotCheckedAs.UNKNOWN) -> str:
    """The output for a report; the exit code is that of `state`."""
    counts = context.report.summary
    failing = [
        f"{one.finding.severity}: {one.result.target}: {one.text}" for one in context.failures
    ]
    silent = [
        f"not checked: {one.target}: {one.check_names}: {one.why}"
        for one in context.unchecked_groups
    ]
    lines = [*_first(failing), *_first(silent)]
    worst = state(counts, not_checked_as, without_result=context.without_result)
    return _text(worst, [_sentence(counts) + context.heading, *context.gaps], counts, lines)


def of_status(reply: StatusReply, not_checked_as: NotCheckedAs) -> tuple[State, str]:
    """State and output for the whole installation; disabled checks are UNKNOWN, never OK."""
    counts = reply.summary.counts
    without_result = 0 if counts.not_checked else max(0, counts.targets - counts.targets_checked)
    off = not reply.state.enabled
    worst = state(
        counts,
        not_checked_as,
        without_result=without_result,
        unwell=bool(reply.degraded),
        disabled=off,
    )
    parts = [*(["checks are disabled"] if off else []), _sentence(counts)]
    parts += filter(None, [parts_sentence(counts)])
    parts += reply.degraded
    if not counts.targets:
        parts.append("nothing was checked")
    lines = [f"not checked: {one.target}: {readable.kind(one.kind)}" for one in reply.unchecked]
    left_out = reply.parts_not_checked
    lines += [f"not checked: {one.target}: {readable.part(one.part)}" for one in left_out]
    return worst, _text(worst, parts, counts, _first(lines))


def failed(message: str) -> str:
    """The output if the coordinator did not answer; always UNKNOWN."""
    return f"STT {State.UNKNOWN.name} - {_line(message)}\n"


def _sentence(counts: Counts) -> str:
    baseline = f" {counts.baseline} in the baseline," if counts.baseline else ""
    return (
        f"{counts.critical} critical, {counts.major} major, {counts.trivial} trivial,"
        f" {counts.accepted} accepted,{baseline} {counts.not_checked} not checked,"
        f" {counts.targets_checked} of {readable.number(counts.targets, 'database')} checked"
    )


def _text(worst: State, parts: list[str], counts: Counts, lines: list[str]) -> str:
    numbers = {
        "critical": counts.critical,
        "major": counts.major,
        "trivial": counts.trivial,
        "accepted": counts.accepted,
        "not_checked": counts.not_checked,
        "passed": counts.passed,
        "targets": counts.targets,
        "targets_checked": counts.targets_checked,
        "parts_not_checked": counts.parts_not_checked,
        "gone": counts.gone,
        "baseline": counts.baseline,
    }
    performance = " ".join(f"{name}={number}" for name, number in numbers.items())
    first = f"STT {worst.name} - {_line('; '.join(parts))} | {performance}"
    return "\n".join([first, *map(_line, lines)]) + "\n"


def _first(lines: list[str]) -> list[str]:
    return [*lines[:MAX_LINES], *filter(None, [readable.more(len(lines) - MAX_LINES)])]


def _line(value: str) -> str:
    """One line without `|`, which would start performance data."""
    return clean(" ".join(value.split())).replace("|", "/")
