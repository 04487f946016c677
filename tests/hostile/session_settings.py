"""Flips a setting of a server and compares the verdicts of the whole library: any family's."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import CheckRunner

Verdict = tuple[str, str, tuple[tuple[str, str], ...]]  # outcome, kind, objects and severities
Verdicts = dict[str, Verdict]
LEFT_OUT = "left out"  # in place of a kind: a verdict that names databases it does not cover
TRIES = 3  # of an inspection that limits of time ended
_LATE = frozenset({Kind.TIMEOUT, Kind.SCRIPT, Kind.UNREACHABLE})  # kinds of such an end
_REFUSALS = frozenset({Kind.SESSION, Kind.UNDECIDED, LEFT_OUT})


class Handling(StrEnum):
    """What a flipped setting did to the verdicts."""

    HARMLESS = "harmless"  # none changed
    REPORTED = "reported"  # only the checks that report this setting changed
    REFUSED = "refused"  # verdicts became `session` or `undecided`, never a pass
    FAILED = "failed"  # no verdict: the job was an error of another kind, never a pass
    BENT = "bent"  # a verdict changed: what must not be


def verdicts(outcomes: Mapping[str, CheckOutcome]) -> Verdicts:
    """The verdicts of the checks, without what differs from run to run."""
    return {
        name: (
            str(one.outcome),
            str(one.kind or (LEFT_OUT if one.parts_not_checked else "")),
            tuple(sorted((str(found.object), str(found.severity)) for found in one.findings)),
        )
        for name, one in outcomes.items()
    }


async def inspected(runner: CheckRunner, where: Endpoint) -> Verdicts:
    """The verdicts of the whole library, asked again while a limit of time ended one of them.

    A machine that does much else ends statements and scripts that no setting slowed down; what a
    setting slows down is ended each time.
    """
    found = verdicts(await runner.run_all(where))
    for _ in range(TRIES - 1):
        if not any(kind in _LATE for _, kind, _ in found.values()):
            break
        found = verdicts(await runner.run_all(where))
    return found


def _kept(before: Verdict, after: Verdict) -> bool:
    return set(before[2]) <= set(after[2])


def _is_refused(before: Verdict, after: Verdict) -> bool:
    # An error has the kind of its first part: one that was left out before comes first.
    was_partial = before[1] == LEFT_OUT and after[0] == Outcome.ERROR
    return after[1] in _REFUSALS or was_partial


def changed(before: Verdicts, after: Verdicts) -> Verdicts:
    """The verdicts of `after` that are not those of `before`."""
    return {name: after[name] for name in before if after.get(name) != before[name]}


def handling(
    before: Verdicts,
    after: Verdicts,
    about: frozenset[str] = frozenset(),
    *,
    of_session: bool = False,
) -> Handling:
    """How the library took a flip; `about` are the checks whose subject the setting is.

    A value that is only our session's own (`of_session`) may add findings and take none away.
    """
    others = changed(before, after)
    left = {
        name: verdict
        for name, verdict in others.items()
        if name not in about or (of_session and not _kept(before[name], verdict))
    }
    if not left:
        return Handling.REPORTED if others else Handling.HARMLESS
    unrefused = {name: one for name, one in left.items() if not _is_refused(before[name], one)}
    if not unrefused:
        return Handling.REFUSED
    failed = all(outcome == Outcome.ERROR for outcome, _, _ in unrefused.values())
    return Handling.FAILED if failed else Handling.BENT
