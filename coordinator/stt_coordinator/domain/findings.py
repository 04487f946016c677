"""The life of findings: how an outcome of a check on a target changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stt_coordinator.domain.model import Evidence, Order
from stt_shared.identity import finding_id
from stt_shared.protocol.enums import Change, FindingState, Outcome
from stt_shared.protocol.messages import CheckOutcome, Finding, PartNotChecked
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.report.readable import also

DATABASE = "database"  # the label by which a finding names its database


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The findings that are different now, and what happened to them; nothing if nothing did."""

    records: tuple[FindingRecord, ...] = ()
    events: tuple[FindingEvent, ...] = ()


NOTHING = Folded()


def fold(
    known: Mapping[str, FindingRecord],
    outcome: CheckOutcome,
    evidence: Evidence,
    verdict: Order | None,
) -> Folded:
    """What `outcome` changes in the findings `known` (by id) of one check on one target.

    `verdict` is the order of the newest passed or failed outcome applied so far. Only a passed or
    failed outcome that is not older counts; the same one applied twice changes nothing.
    One that left databases out resolves only what names a database that was asked.
    """
    # By order, not by time: a clock that was ahead once would keep every later verdict out.
    if verdict is not None and evidence.order < verdict:
        return NOTHING
    match outcome.outcome:
        case Outcome.PASSED if known:
            seen: dict[str, Finding] = {}
        case Outcome.FAILED if outcome.findings:
            # Of several findings with one identity the last stands: the most severe.
            least_first = sorted(outcome.counted, key=lambda finding: -finding.severity.rank)
            ids = identify(known, outcome, evidence.target)
            seen = {ids[one.key]: one for one in least_first}
        case _:
            return NOTHING
    joined = reasons_of_joined(known, outcome, evidence.target)
    gone = [
        _resolved(record, evidence, joined.get(id_, ""))
        for id_, record in known.items()
        if id_ not in seen
        and record.state is not FindingState.RESOLVED
        and (id_ in joined or covers(outcome.parts_not_checked, record.labels))
    ]
    there = [
        _opened(id_, finding, outcome.check, evidence)
        if id_ not in known
        else _confirmed(known[id_], finding, evidence)
        for id_, finding in seen.items()
    ]
    both = gone + there
    return Folded(
        records=tuple(record for record, _ in both if record != known.get(record.id)),
        events=tuple(event for _, event in both if event is not None),
    )


def identify(
    known: Mapping[str, FindingRecord], outcome: CheckOutcome, target: str
) -> dict[str, str]:
    """The id of each finding of `outcome` by its key: digests of target, check and key.

    A finding that an earlier release reported with another object keeps the id of `known`, and with
    it acceptance, history and first day. It is recognised by evidence (`formerly`), not by the old
    object: where that was a place in a file, something else may have the place now.
    """
    ids = {one.key: finding_id(target, outcome.check, one.key) for one in outcome.findings}
    moved = [one for one in outcome.findings if one.formerly and ids[one.key] not in known]
    if moved:
        taken = set(ids.values())
        # The newest of those that are open, else of the others.
        free = sorted(
            (
                record
                for record in known.values()
                if (record.target, record.check) == (target, outcome.check)
                and record.id not in taken
            ),
            key=lambda record: (
                record.state is FindingState.RESOLVED,
                -record.last_confirmed.timestamp(),
                record.id,
            ),
        )
        # By object first: one that was recognised before keeps its id if its evidence changes.
        for is_same in (_has_object_of, _was_reported_as):
            for one in sorted(moved, key=lambda finding: finding.key):
                found = next((record for record in free if is_same(record, one)), None)
                if found is not None and ids[one.key] not in known:
                    ids[one.key] = found.id
                    free.remove(found)
    return ids


def reasons_of_joined(
    known: Mapping[str, FindingRecord], outcome: CheckOutcome, target: str
) -> dict[str, str]:
    """By id, of which finding of another check one is part that does not count any more."""
    joined = [one for one in outcome.findings if one.part_of is not None]
    if not joined:
        return {}
    ids = identify(known, outcome, target)
    return {
        ids[one.key]: f"it is part of the finding of {one.part_of.check} about {one.part_of.object}"
        for one in joined
        if one.part_of is not None
    }


def _has_object_of(record: FindingRecord, finding: Finding) -> bool:
    # Findings without an object are not all one finding.
    return finding.object is not None and record.object == finding.object


def _was_reported_as(record: FindingRecord, finding: Finding) -> bool:
    return any(finding.formerly.items() <= row.items() for row in record.evidence)


def is_confirmed(before: FindingRecord | None, after: FindingRecord) -> bool:
    """Whether a finding is as it was, only confirmed later."""
    if before is None or before.state is FindingState.RESOLVED:
        return False
    return after == msgspec.structs.replace(before, last_confirmed=after.last_confirmed)


def covers(parts: Sequence[PartNotChecked], labels: Mapping[str, str]) -> bool:
    """Whether a verdict that left `parts` out speaks of a finding with `labels`.

    A finding that names no database may be in one of those that were left out.
    """
    database = labels.get(DATABASE)
    return not parts or (database is not None and all(part.name != database for part in parts))


_Step = tuple[FindingRecord, FindingEvent | None]


def _opened(id_: str, finding: Finding, check: str, evidence: Evidence) -> _Step:
    at = evidence.finished
    record = FindingRecord(
        id=id_,
        target=evidence.target,
        family=evidence.family,
        site=evidence.site,
        check=check,
        state=FindingState.OPEN,
        first_seen=at,
        last_confirmed=at,
        since=at,
        severity=finding.severity,
        summary=finding.summary,
        object=finding.object,
        description=finding.description,
        remediation=finding.remediation,
        fix=finding.fix,
        read_more_url=finding.read_more_url,
        evidence=finding.evidence,
        labels=finding.labels,
        implies=finding.implies,
    )
    return record, _event(Change.OPENED, evidence, record, None)


def _confirmed(before: FindingRecord, finding: Finding, evidence: Evidence) -> _Step:
    # What is part of it by a check that this answer says nothing of is part of it still.
    known = evidence.learned | {one.check for one in finding.implies}
    implied = tuple(one for one in before.implies if one.check not in known)
    if before.state is FindingState.RESOLVED:
        implied = ()
    after = msgspec.structs.replace(
        before,
        family=evidence.family,
        site=evidence.site,
        severity=finding.severity,
        summary=finding.summary,
        object=finding.object,
        description=also(finding.description, implied),
        remediation=finding.remediation,
        fix=finding.fix,
        read_more_url=finding.read_more_url,
        evidence=finding.evidence,
        labels=finding.labels,
        implies=(*finding.implies, *implied),
        last_confirmed=evidence.finished,
    )
    if before.state is FindingState.RESOLVED:
        after = msgspec.structs.replace(
            after, state=FindingState.REOPENED, since=evidence.finished, resolved_at=None
        )
        return after, _event(Change.REOPENED, evidence, after, before)
    if before.severity is not after.severity:
        return after, _event(Change.CHANGED, evidence, after, before)
    return after, None


def _resolved(before: FindingRecord, evidence: Evidence, reason: str) -> _Step:
    after = msgspec.structs.replace(
        before, state=FindingState.RESOLVED, resolved_at=evidence.finished
    )
    event = _event(Change.RESOLVED, evidence, after, before)
    return after, msgspec.structs.replace(event, reason=reason)


def _event(
    change: Change, evidence: Evidence, after: FindingRecord, before: FindingRecord | None
) -> FindingEvent:
    return FindingEvent(
        change=change, at=evidence.finished, run_id=evidence.run_id, after=after, before=before
    )
