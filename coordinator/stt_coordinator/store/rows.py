"""Values to the columns of the tables and back, the same for every SQL store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from stt_coordinator.domain.daily import DayRow, Steps, day_of
from stt_coordinator.domain.model import JobRow, Pair, TargetRow
from stt_coordinator.domain.suppression import due_of
from stt_coordinator.store.port import FindingPlace
from stt_shared import clock
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.exceptions import ExceptionRecord
from stt_shared.protocol.records import Counts, FindingRecord, RunRecord

S = TypeVar("S", bound=msgspec.Struct)
Columns = dict[str, object]

_ENCODER = msgspec.json.Encoder()
_DECODERS: dict[type[msgspec.Struct], msgspec.json.Decoder[msgspec.Struct]] = {}


def packed(value: object) -> bytes:
    """`value` as JSON."""
    return _ENCODER.encode(value)


def unpacked(kind: type[S], data: bytes) -> S:
    """The value of `kind` in a `data` column."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    value = decoder.decode(data)
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


def listed(values: Iterable[object]) -> str:
    """Values as the JSON array that json_each() takes apart."""
    return _ENCODER.encode(list(values)).decode()


def text(at: datetime | None) -> str:
    """An instant as a column that sorts; empty for none."""
    return clock.to_text(at) if at is not None else ""


def place_of(finding: FindingRecord) -> FindingPlace:
    """Where a finding stands in the order of findings."""
    return FindingPlace(finding.severity, text(finding.since), finding.id)


def of_run(run: RunRecord) -> Columns:
    """The columns of a run."""
    return {
        "run_id": run.run_id,
        "schedule": run.schedule,
        "slot": text(run.slot),
        "state": run.state,
        "data": packed(run),
    }


def of_job(job: JobRow) -> Columns:
    """The columns of a job."""
    return {
        "job_id": job.job_id,
        "run_id": job.run_id,
        "target": job.target,
        "state": str(job.state),
        "follows": job.follows,
        "deadline": text(job.deadline),
        "not_before": text(job.not_before),
        "data": packed(job),
    }


def of_pair(pair: Pair) -> Columns:
    """The columns of a pair."""
    return {
        "target": pair.target,
        "check_name": pair.check,
        "site": pair.site,
        "outcome": str(pair.outcome),
        "kind": str(pair.kind or ""),
        "parts": listed(pair.parts_not_checked) if pair.parts_not_checked else "",
        "data": packed(pair),
    }


def of_finding(finding: FindingRecord) -> Columns:
    """The columns of a finding."""
    return {
        "id": finding.id,
        "target": finding.target,
        "family": str(finding.family),
        "site": finding.site,
        "check_name": finding.check,
        "state": str(finding.state),
        "severity": str(finding.severity),
        "since": text(finding.since),
        "resolved": text(finding.resolved_at),
        "accepted": finding.accepted.exception if finding.accepted else "",
        "data": packed(finding),
    }


def of_target(target: TargetRow) -> Columns:
    """The columns of a target."""
    return {
        "target": target.target,
        "family": str(target.family),
        "site": target.site,
        "gone": target.gone,
        "learned": target.learned,
        "state": target.state,
        "data": packed(target),
    }


def of_day(row: DayRow) -> Columns:
    """The columns of what is added to a day."""
    return {
        "day": row.day.isoformat(),
        "severity": str(row.severity),
        "opened": row.opened,
        "resolved": row.resolved,
    }


def of_day_counts(at: datetime, counts: Counts) -> list[Columns]:
    """The columns of what is open on a day, one row for each severity."""
    day = day_of(at).isoformat()
    return [
        {"day": day, "severity": str(one), "open": getattr(counts, one), "counted": text(at)}
        for one in Severity
    ]


def of_fixes(steps: Steps) -> list[Columns]:
    """The columns of how long findings were there that are resolved now."""
    return [
        {"day": day.isoformat(), "severity": str(severity), "minutes": minutes, "number": number}
        for (day, severity, minutes), number in steps.fixes.items()
    ]


def of_exception(one: ExceptionRecord) -> Columns:
    """The columns of an exception."""
    outcome = outcome_of(one)
    return {
        "id": one.id,
        "live": outcome == "live",
        "outcome": outcome,
        "target": one.target,
        "accepts": one.severity is None,
        "until": one.until.isoformat() if one.until is not None else "",
        "due": text(due_of(one)),
        "created": text(one.created),
        "data": packed(one),
    }


def outcome_of(one: ExceptionRecord) -> str:
    """What was entered of its end: `live`, `ended` or `revoked`."""
    if one.revoked is not None:
        return "revoked"
    return "ended" if one.ended is not None else "live"
