"""One fact, one finding: which findings of a job are part of a finding of another check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from stt_shared.protocol.enums import Outcome
from stt_shared.protocol.messages import Cause, CheckOutcome, Finding, Implied
from stt_shared.report.readable import also, first_names
from stt_worker.execution import sanitize

MAX_CAUSES = 8  # of one finding
MAX_KEY_CHARACTERS = 500
MAX_STEPS = 16  # from a finding to the one that it is part of; a script could make thousands
KEYS = {"check", "object"}

Place = tuple[str, str]  # check and key of a finding


def causes_of(given: object, check: str) -> tuple[Cause, ...]:
    """The causes in the finding of a script: a dict with check and object, or a list of them.

    Raises ValueError for anything else, too many, and the check of the finding itself.
    """
    if given is None:
        return ()
    each = cast("list[object]", given) if isinstance(given, list) else [given]
    if len(each) > MAX_CAUSES:
        raise ValueError(f"implied_by has {len(each)} causes, the limit is {MAX_CAUSES}")
    return tuple(_cause(one, check) for one in each)


def _cause(given: object, check: str) -> Cause:
    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    texts = all(isinstance(one, str) and one for one in fields.values())
    if fields.keys() != KEYS or not texts:
        raise ValueError(
            "implied_by is not a dict with the texts check and object, or some in a list"
        )
    if fields["check"] == check:
        raise ValueError(f"implied_by names {check} itself, expected another check")
    # Cleaned as objects are: it is compared with one.
    thing = sanitize.text(fields["object"], MAX_KEY_CHARACTERS)
    return Cause(check=fields["check"], object=thing)


def joined(outcomes: Sequence[CheckOutcome]) -> Sequence[CheckOutcome]:
    """The outcomes of a job with each finding that is part of another one marked, and its cause.

    Only a verdict counts: where the cause was not checked, ended as an error or passed, the finding
    stands by itself. A cause is never less severe than what it takes: nothing gets milder by that.
    The order of the outcomes does not matter; every finding leads to one that stands.
    """
    failed = [one for one in outcomes if one.outcome is Outcome.FAILED]
    if not any(finding.implied_by for one in failed for finding in one.findings):  # almost always
        return outcomes
    roots = dict(_Roots(failed).all())
    taken: defaultdict[Place, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (check, key), root in sorted(roots.items()):
        taken[root][check].append(key)
    return [
        _marked(one, roots, taken) if one.outcome is Outcome.FAILED else one for one in outcomes
    ]


class _Roots:
    """Follows causes to the finding that stands, also through causes that have causes."""

    def __init__(self, failed: Sequence[CheckOutcome]) -> None:
        self._findings = {(one.check, each.key): each for one in failed for each in one.findings}
        self._by_object: dict[Place, Place] = {}
        # Of several findings about one object the most severe: they are in that order.
        for place, finding in self._findings.items():
            if finding.object is not None:
                self._by_object.setdefault((place[0], finding.object), place)
        self._known: dict[Place, Place] = {}

    def all(self) -> Iterator[tuple[Place, Place]]:
        """Each finding that is part of another one, with that."""
        # Sorted: where causes form a ring, the same one stands in every job.
        for place in sorted(self._findings):
            root = self._root(place, frozenset())
            if root != place:
                yield place, root

    def _root(self, place: Place, passed: frozenset[Place]) -> Place:
        if place in self._known:
            return self._known[place]
        mine = self._findings[place]
        found = place
        for cause in mine.implied_by:
            there = self._by_object.get((cause.check, cause.object))
            # One that was passed already would lead back here: both would be gone.
            if there is None or there in passed or len(passed) >= MAX_STEPS:
                continue
            if self._findings[there].severity.rank <= mine.severity.rank:
                found = self._root(there, passed | {place})
                break
        self._known[place] = found
        return found


def _marked(
    outcome: CheckOutcome,
    roots: Mapping[Place, Place],
    taken: Mapping[Place, Mapping[str, Sequence[str]]],
) -> CheckOutcome:
    """The outcome with its findings joined; if none is left of its own, its reason says why."""
    findings: list[Finding] = []
    for one in outcome.findings:
        place = (outcome.check, one.key)
        root = roots.get(place)
        if root is not None:
            # What was reached by its object has that as its key.
            part_of = Cause(check=root[0], object=root[1])
            findings.append(msgspec.structs.replace(one, part_of=part_of))
        elif place in taken:
            implies = tuple(
                Implied(check=check, keys=tuple(keys)) for check, keys in taken[place].items()
            )
            described = also(one.description, implies)
            findings.append(msgspec.structs.replace(one, implies=implies, description=described))
        else:
            findings.append(one)
    marked = msgspec.structs.replace(outcome, findings=tuple(findings))
    if marked.counted:
        return marked
    causes = sorted({one.part_of.check for one in findings if one.part_of is not None})
    reason = f"its findings are part of those of {first_names(causes)}"
    return msgspec.structs.replace(marked, reason=reason)
