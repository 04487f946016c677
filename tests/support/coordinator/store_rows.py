"""Rows to put into a store, each a valid default with what a test changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from stt_coordinator.domain.model import JobRecord, Pair, TargetRecord
from stt_coordinator.store.ports.results import RawResult
from stt_shared.protocol.audit import AuditEntry
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import (
    Change,
    Family,
    FindingState,
    Interval,
    Kind,
    Outcome,
    Severity,
    Way,
)
from stt_shared.protocol.messages import CheckRef
from stt_shared.protocol.records import Acceptance, FindingEvent, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
_NUMBERS: dict[str, int] = {}  # of runs, in the order in which tests mention them


def run(run_id: str = "standard-1", **changes: object) -> RunRecord:
    values: dict[str, object] = {
        "run_id": run_id,
        "number": _NUMBERS.setdefault(run_id, 1 + len(_NUMBERS)),
        "schedule": "standard",
        "slot": NOW,
        "state": "running",
    }
    return RunRecord(**(values | changes))  # type: ignore[arg-type]


def job(target: str = "t1", run_id: str = "standard-1", **changes: object) -> JobRecord:
    values: dict[str, object] = {
        "job_id": f"{run_id}.{target}",
        "run_id": run_id,
        "target": target,
        "family": Family.MYSQL,
        "site": "eu",
        "checks": (CheckRef(check="c1", digest="d1"),),
        "created": NOW,
        "expires": NOW + 24 * HOUR,
        "deadline": NOW + HOUR,
        "not_before": NOW,
    }
    return JobRecord(**(values | changes))  # type: ignore[arg-type]


def target(name: str = "t1", **changes: object) -> TargetRecord:
    values: dict[str, object] = {
        "target": name,
        "family": Family.MYSQL,
        "site": "eu",
        "first_seen": NOW,
        "workers": ("w1",),
    }
    return TargetRecord(**(values | changes))  # type: ignore[arg-type]


def pair(name: str = "t1", check: str = "c1", outcome: Outcome = Outcome.PASSED) -> Pair:
    kind = Kind.UNREACHABLE if outcome is Outcome.ERROR else None
    return Pair(
        target=name,
        check=check,
        family=Family.MYSQL,
        site="eu",
        outcome=outcome,
        kind=kind,
        run_id="standard-1",
        started=NOW,
        finished=NOW,
    )


def finding(id_: str = "f_a", **changes: object) -> FindingRecord:
    values: dict[str, object] = {
        "id": id_,
        "target": "t1",
        "family": Family.MYSQL,
        "site": "eu",
        "check": "c1",
        "state": FindingState.OPEN,
        "severity": Severity.MAJOR,
        "summary": "something",
        "first_seen": NOW,
        "last_confirmed": NOW,
        "since": NOW,
    }
    return FindingRecord(**(values | changes))  # type: ignore[arg-type]


def check(name: str = "c1", *, enabled: bool = True) -> CheckInfo:
    return CheckInfo(
        check=name,
        family=Family.MYSQL,
        summary="",
        interval=Interval.STANDARD,
        digest="d1",
        enabled=enabled,
    )


def suppression(id_: str = "x_a", **changes: object) -> SuppressionRecord:
    values: dict[str, object] = {
        "id": id_,
        "check": "c1",
        "target": "t1",
        "until": date(2026, 12, 31),
        "reason": "proxy only",
        "by": "ann",
        "created": NOW,
    }
    return SuppressionRecord(**(values | changes))  # type: ignore[arg-type]


def accepted(id_: str = "x_a") -> Acceptance:
    return Acceptance(exception=id_, until=date(2026, 12, 31), by="ann", reason="proxy only")


def opened(record: FindingRecord, at: datetime = NOW) -> FindingEvent:
    return FindingEvent(change=Change.OPENED, at=at, run_id="standard-1", after=record)


def raw(
    sequence: int, epoch: str = "e1", *, content: str = "", is_refused: bool = False
) -> RawResult:
    return RawResult(
        worker="w1",
        epoch=epoch,
        sequence=sequence,
        job_id="standard-1.t1",
        received=NOW,
        data=b"{}",
        content=content,
        is_refused=is_refused,
    )


def entry(number: int, **changes: object) -> AuditEntry:
    values: dict[str, object] = {"at": NOW + number * HOUR, "by": "ann", "way": Way.PAGE}
    return AuditEntry(**(values | {"did": "run", "what": f"r{number}"} | changes))  # type: ignore[arg-type]
