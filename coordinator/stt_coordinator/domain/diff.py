"""The differences between two runs, from their answers, or since an instant, from events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from stt_coordinator.domain.findings import covers
from stt_coordinator.domain.model import LEARNED
from stt_coordinator.domain.reported import reported_finding
from stt_shared.protocol.enums import Change, FindingState, Kind
from stt_shared.protocol.queries.history import Difference
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import FindingEvent, FindingRecord

Answers = Mapping[str, ReportedResult]  # of one target in one run, by check


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDiff:
    """What is different on one target.

    With `unchecked` the later run learned nothing of it. `not_compared` counts checks that the
    earlier run alone has an answer to, of one database or of all; what they found stands.
    """

    differences: tuple[Difference, ...] = ()
    unchecked: bool = False
    not_compared: int = 0


def of_target(
    before: Answers, later: Answers | None, ended: datetime, later_ended: datetime
) -> TargetDiff:
    """Compare the answers of two runs that ended then; `later` is None if it did not ask there.

    A check that came to no decision later closes nothing. One that had come to none before shows
    as new only what opened between the two. Both hold for each database that a check left out.
    """
    known = {check for check, one in before.items() if one.outcome in LEARNED}
    there = later or {}
    learned = {check for check, one in there.items() if one.outcome in LEARNED}
    none_applies = bool(later) and all(one.kind is Kind.NOT_APPLICABLE for one in there.values())
    if later is not None and not learned and not none_applies:
        return TargetDiff(unchecked=True)
    found: list[Difference] = []
    for check in sorted(learned):
        if check in known:
            found += _of_check(before[check], there[check], ended, later_ended)
        else:
            found += _opened_between(there[check], there[check].findings, ended, later_ended)
    left_out = sum(_leaves_out(before[check], there[check]) for check in known & learned)
    return TargetDiff(differences=tuple(found), not_compared=len(known - learned) + left_out)


def _leaves_out(before: ReportedResult, later: ReportedResult) -> bool:
    """Whether the later verdict does not cover a finding of the earlier one."""
    there = {one.id for one in later.findings}
    gone = (one for one in before.findings if one.id not in there)
    return any(not covers(later.parts_not_checked, one.labels) for one in gone)


def _of_check(
    before: ReportedResult, later: ReportedResult, began: datetime, ended: datetime
) -> Iterator[Difference]:
    was = {one.id: one for one in before.findings}
    now = {one.id: one for one in later.findings}
    for id_ in sorted(was.keys() | now.keys()):
        if id_ in was and id_ in now:
            yield from _changed(later, was[id_], now[id_])
        elif id_ in was and covers(later.parts_not_checked, was[id_].labels):
            yield _difference(Change.RESOLVED, before, was[id_])
        elif id_ in now and covers(before.parts_not_checked, now[id_].labels):
            yield _difference(Change.OPENED, later, now[id_])
        elif id_ in now:
            yield from _opened_between(later, [now[id_]], began, ended)


def _opened_between(
    later: ReportedResult, findings: Iterable[ReportedFinding], began: datetime, ended: datetime
) -> Iterator[Difference]:
    for one in sorted(findings, key=lambda finding: finding.id):
        if began < one.since <= ended:
            yield _difference(Change.OPENED, later, one)


def _changed(
    place: ReportedResult | FindingRecord, was: ReportedFinding, now: ReportedFinding
) -> Iterator[Difference]:
    """At most one difference: whether it is accepted, or its severity."""
    if (was.accepted is None) is not (now.accepted is None):
        change = Change.ACCEPTED if now.accepted is not None else Change.UNACCEPTED
        yield _difference(change, place, now, was)
    elif was.severity is not now.severity:
        yield _difference(Change.CHANGED, place, now, was)


def _difference(
    change: Change,
    place: ReportedResult | FindingRecord,
    finding: ReportedFinding,
    was: ReportedFinding | None = None,
) -> Difference:
    is_other = was is not None and was.severity is not finding.severity
    return Difference(
        change=change,
        target=place.target,
        family=place.family,
        site=place.site,
        check=place.check,
        finding=finding,
        was=was.severity if was is not None and is_other else None,
    )


def net(events: Iterable[FindingEvent]) -> list[Difference]:
    """The net changes of `events`, oldest first; what opened and was resolved is left out."""
    ends: dict[str, tuple[FindingRecord | None, FindingRecord]] = {}
    for event in events:
        first, _ = ends.get(event.after.id, (event.before, event.after))
        ends[event.after.id] = first, event.after
    return [one for before, after in ends.values() for one in _net(before, after)]


def _net(before: FindingRecord | None, after: FindingRecord) -> Iterator[Difference]:
    was = before if before is not None and before.state is not FindingState.RESOLVED else None
    is_open = after.state is not FindingState.RESOLVED
    if is_open and was is None:
        yield _difference(Change.OPENED, after, reported_finding(after))
    elif is_open and was is not None:
        yield from _changed(after, reported_finding(was), reported_finding(after))
    elif was is not None:
        yield _difference(Change.RESOLVED, after, reported_finding(was))
