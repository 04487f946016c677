"""What the checks of one target answered in a run, to compare two runs."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.domain.diff import Answers
from stt_shared.protocol.enums import Family, Kind, Outcome, Severity
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from tests.support.coordinator.coordination import NOW

HOUR = timedelta(hours=1)


ENDED, LATER = NOW, NOW + 24 * HOUR


OLD = NOW - 99 * HOUR


def found(id_: str, **changes: object) -> ReportedFinding:
    values: dict[str, object] = {
        "id": id_,
        "severity": Severity.MAJOR,
        "object": None,
        "summary": "",
        "description": "",
        "remediation": "",
        "evidence": (),
        "since": OLD,
    }
    return ReportedFinding(**(values | changes))  # type: ignore[arg-type]


def reported(
    check: str, *findings: ReportedFinding, outcome: Outcome | None = None, kind: Kind | None = None
) -> ReportedResult:
    return ReportedResult(
        target="t1",
        family=Family.MYSQL,
        site="eu",
        check=check,
        outcome=outcome or (Outcome.FAILED if findings else Outcome.PASSED),
        kind=kind,
        reason="",
        findings=findings,
    )


def answers(*results: ReportedResult) -> Answers:
    return {one.check: one for one in results}
