"""Which findings of an answer are part of a finding of another check, and do not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from stt_coordinator.domain.model import Evidence
from stt_shared.protocol.enums import FindingState, Outcome
from stt_shared.protocol.messages import Cause, CheckOutcome, Finding
from stt_shared.protocol.records import FindingRecord, LinkedFinding

FindingsOf = Callable[[str], Iterable[FindingRecord]]  # of a check on the target, by its name


def believed(outcomes: Sequence[CheckOutcome]) -> list[CheckOutcome]:
    """The outcomes of an answer without marks (`part_of`) that no finding in them confirms.

    A worker leaves the largest outcomes out of a result that is too large for NATS: what was part
    of a finding in one of those counts, or it would be nowhere.
    """
    if not any(one.part_of for outcome in outcomes for one in outcome.findings):  # almost always
        return list(outcomes)
    shown = {
        (outcome.check, one.object, implied.check, key)
        for outcome in outcomes
        if outcome.outcome is Outcome.FAILED
        for one in outcome.counted
        for implied in one.implies
        for key in implied.keys
    }
    found: list[CheckOutcome] = []
    for outcome in outcomes:
        findings = tuple(
            msgspec.structs.replace(one, part_of=None)
            if one.part_of is not None
            and (one.part_of.check, one.part_of.object, outcome.check, one.key) not in shown
            else one
            for one in outcome.findings
        )
        is_same = findings == outcome.findings
        found.append(
            outcome if is_same else msgspec.structs.replace(outcome, findings=findings, reason="")
        )
    return found


def still_joined(
    outcome: CheckOutcome, evidence: Evidence, findings_of: FindingsOf
) -> CheckOutcome:
    """The outcome with those findings marked that were part of one that is open still.

    For an answer without a verdict of the cause: `stt run --check`, or an error. Only what the open
    finding names already, and `findings_of` gives none that are hidden: nothing is hidden where it
    is not shown.
    """
    if outcome.outcome is not Outcome.FAILED or not any(one.implied_by for one in outcome.findings):
        return outcome
    findings = tuple(
        one
        if (cause := _open_cause(one, outcome.check, evidence, findings_of)) is None
        else msgspec.structs.replace(one, part_of=cause)
        for one in outcome.findings
    )
    if findings == outcome.findings:
        return outcome
    return msgspec.structs.replace(outcome, findings=findings)


def _open_cause(
    finding: Finding, check: str, evidence: Evidence, findings_of: FindingsOf
) -> Cause | None:
    if finding.part_of is not None:
        return None
    for cause in finding.implied_by:
        if cause.check in evidence.learned:
            continue
        for record in findings_of(cause.check):
            is_named = any(one.check == check and finding.key in one.keys for one in record.implies)
            if is_named and record.state is not FindingState.RESOLVED:
                return Cause(check=record.check, object=record.object or "")
    return None


def linked_findings(
    record: FindingRecord, of_target: Sequence[FindingRecord]
) -> tuple[LinkedFinding | None, tuple[LinkedFinding, ...]]:
    """The open finding that stands for `record`, if any, and those that `record` stands for.

    `of_target` are all findings of its target. One that was never open by itself has no id.
    """
    if record.state is FindingState.RESOLVED:
        return _standing_for(record, of_target), ()
    ids = {(one.check, one.object): one.id for one in of_target}
    implied = (
        LinkedFinding(check=one.check, object=key, id=ids.get((one.check, key), ""))
        for one in record.implies
        for key in one.keys
    )
    return None, tuple(implied)


def _standing_for(
    record: FindingRecord, of_target: Iterable[FindingRecord]
) -> LinkedFinding | None:
    for one in of_target:
        if one.state is FindingState.RESOLVED:
            continue
        for implied in one.implies:
            if implied.check == record.check and record.object in implied.keys:
                return LinkedFinding(check=one.check, object=one.object or "", id=one.id)
    return None
