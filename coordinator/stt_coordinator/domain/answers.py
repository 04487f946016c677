"""What one answer to a job changes: which outcomes are news, and the rows that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from stt_coordinator.domain.model import LEARNED, Evidence, JobRecord, JobState, Pair, TargetRecord
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import CheckOutcome


def is_news(job: JobRecord, outcome: CheckOutcome, evidence: Evidence) -> bool:
    """Whether an outcome changes the job: a passed or failed one replaces all but its like."""
    before = next((one for one in job.outcomes if one.check == outcome.check), None)
    if before is None:
        return any(ref.check == outcome.check for ref in job.checks)
    if before.outcome in LEARNED:
        return False
    is_newer = job.started is None or evidence.started > job.started
    return outcome.outcome in LEARNED or is_newer


def answered(
    job: JobRecord, outcomes: Sequence[CheckOutcome], evidence: Evidence, state: JobState
) -> JobRecord:
    """The job with those of `outcomes` that are of its checks."""
    wanted = {ref.check for ref in job.checks}
    return msgspec.structs.replace(
        job,
        state=state,
        outcomes=tuple(one for one in outcomes if one.check in wanted),
        started=evidence.started,
    )


def latest_pair(before: Pair | None, outcome: CheckOutcome, evidence: Evidence) -> Pair:
    """The latest outcome of a check on a target: older evidence never replaces newer."""
    learned: datetime | None = before.learned if before else None
    if outcome.outcome in LEARNED and (learned is None or learned < evidence.started):
        learned = evidence.started
    if before is not None and before.started > evidence.started:
        return msgspec.structs.replace(before, learned=learned)
    return Pair(
        target=evidence.target,
        check=outcome.check,
        family=evidence.family,
        site=evidence.site,
        outcome=outcome.outcome,
        kind=outcome.kind,
        reason=outcome.reason,
        run_id=evidence.run_id,
        started=evidence.started,
        finished=evidence.finished,
        learned=learned,
        parts_not_checked=outcome.parts_not_checked,
    )


def checked_target(
    row: TargetRecord, outcomes: Sequence[CheckOutcome], evidence: Evidence
) -> TargetRecord:
    """The target after an answer: checked, or unchecked with the reason of an outcome."""
    if row.last_started is not None and row.last_started > evidence.started:
        return row
    learned = any(outcome.outcome in LEARNED for outcome in outcomes)
    meant = (one for one in outcomes if one.kind is not Kind.NOT_APPLICABLE)
    why = None if learned else next(meant, outcomes[0] if outcomes else None)
    return msgspec.structs.replace(
        row,
        last_started=evidence.started,
        learned=learned,
        last_checked=evidence.finished if learned else row.last_checked,
        kind=why.kind if why else None,
        reason=why.reason if why else "",
        facts=evidence.facts or row.facts,
    )
