"""Messages as a coordinator would send them, for the tests of reports and commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stt_shared.protocol.control import StatusReply, UncheckedTarget, WorkerInfo
from stt_shared.protocol.enums import Change, Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingReply
from stt_shared.protocol.messages import ControlState, Facts
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.protocol.records import Counts, FindingEvent, FindingRecord, RunRecord, Summary
from stt_shared.report.model import Report

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
STARTED = NOW - timedelta(minutes=33)
FINISHED = NOW - timedelta(minutes=26)
COUNTS = Counts(
    critical=1, major=1, trivial=1, passed=1, not_checked=3, targets=4, targets_checked=3
)


def run(**changes: object) -> RunRecord:
    values: dict[str, object] = {
        "run_id": "standard-20261123t155700z",
        "schedule": "standard",
        "slot": STARTED,
        "state": "finished",
        "jobs": 4,
        "done": 4,
        "started": STARTED,
        "finished": FINISHED,
    }
    return RunRecord(**(values | changes))  # type: ignore[arg-type]


def reported(number: int, severity: Severity, days: int, thing: str | None) -> ReportedFinding:
    return ReportedFinding(
        id=f"f_{number:012d}",
        severity=severity,
        object=thing,
        summary=f"Something {severity} is wrong",
        description="Anyone who can reach the port can log in.",
        remediation="ALTER USER 'report'@'%' IDENTIFIED BY RANDOM PASSWORD;",
        evidence=({"user": "report", "host": "%"},),
        since=NOW - timedelta(days=days),
        labels={"port": str(3300 + number)},
        read_more_url=f"https://example.org/{number}",
    )


def result(
    target: str,
    check: str,
    outcome: Outcome,
    *findings: ReportedFinding,
    family: Family = Family.MYSQL,
    kind: Kind | None = None,
    reason: str = "",
) -> ReportedResult:
    return ReportedResult(
        target=target,
        family=family,
        site="eu-west",
        check=check,
        outcome=outcome,
        kind=kind,
        reason=reason,
        findings=findings,
    )


def report() -> Report:
    refused = "connection refused"
    results = (
        result("billing-pg-2", "postgresql_version", Outcome.PASSED, family=Family.POSTGRESQL),
        result(
            "carts-mongo-1",
            "mongodb_auth",
            Outcome.FAILED,
            reported(2, Severity.MAJOR, 41, None),
            family=Family.MONGODB,
        ),
        result(
            "carts-mongo-1",
            "mongodb_version",
            Outcome.SKIPPED,
            family=Family.MONGODB,
            kind=Kind.UNDECIDED,
            reason="series 9.1 is newer than the release data of 2026-11-01",
        ),
        result(
            "orders-mysql-3",
            "mysql_empty_password",
            Outcome.FAILED,
            reported(1, Severity.CRITICAL, 0, "'report'@'%'"),
            reported(3, Severity.TRIVIAL, 9, "'old'@'localhost'"),
        ),
        result("orders-mysql-3", "mysql_ed25519", Outcome.SKIPPED, kind=Kind.NOT_APPLICABLE),
        result(
            "ledger-pg-9",
            "postgresql_super_role",
            Outcome.ERROR,
            family=Family.POSTGRESQL,
            kind=Kind.UNREACHABLE,
            reason=refused,
        ),
        result(
            "ledger-pg-9",
            "postgresql_version",
            Outcome.ERROR,
            family=Family.POSTGRESQL,
            kind=Kind.UNREACHABLE,
            reason=refused,
        ),
    )
    return Report(
        run_id="standard-20261123t155700z",
        started=STARTED,
        finished=FINISHED,
        summary=COUNTS,
        results=results,
    )


def finding(**changes: object) -> FindingRecord:
    values: dict[str, object] = {
        "id": "f_000000000001",
        "target": "orders-mysql-3",
        "family": Family.MYSQL,
        "site": "eu-west",
        "check": "mysql_empty_password",
        "state": FindingState.OPEN,
        "severity": Severity.CRITICAL,
        "summary": "Account without a password",
        "first_seen": NOW - timedelta(minutes=26),
        "last_confirmed": NOW - timedelta(minutes=26),
        "object": "'report'@'%'",
        "description": "Anyone who can reach port 3306 can log in as report.",
        "remediation": "ALTER USER 'report'@'%' IDENTIFIED BY RANDOM PASSWORD;",
        "evidence": ({"user": "report", "host": "%", "plugin": "caching_sha2_password"},),
        "labels": {"team": "orders"},
        "since": NOW - timedelta(minutes=26),
    }
    return FindingRecord(**(values | changes))  # type: ignore[arg-type]


def event(change: Change, after: FindingRecord, before: FindingRecord | None) -> FindingEvent:
    return FindingEvent(
        change=change, at=FINISHED, run_id="standard-20261123t155700z", after=after, before=before
    )


def finding_reply(**changes: object) -> FindingReply:
    one = finding()
    values: dict[str, object] = {
        "finding": one,
        "history": (event(Change.OPENED, one, None),),
        "outcome": Outcome.FAILED,
        "facts": Facts(flavour="mysql", version=(8, 4, 6), version_text="8.4.6"),
    }
    return FindingReply(**(values | changes))  # type: ignore[arg-type]


def changes() -> tuple[FindingEvent, ...]:
    minor = finding(severity=Severity.MAJOR, target="ledger-pg-1", check="postgresql_version")
    worse = finding(target="shop-mysql-2", check="mysql_version", object=None)
    fixed = finding(
        severity=Severity.MAJOR,
        target="ledger-pg-1",
        check="postgresql_super_role",
        object="app",
        state=FindingState.RESOLVED,
    )
    return (
        event(Change.OPENED, finding(), None),
        event(Change.RESOLVED, fixed, minor),
        event(Change.CHANGED, worse, finding(severity=Severity.MAJOR)),
        event(Change.REOPENED, minor, minor),
    )


def status(**changes: object) -> StatusReply:
    state = ControlState(
        enabled=True, since=NOW - timedelta(days=21), by="dba-oncall", reason="approved CHG-4411"
    )
    counts = Counts(
        critical=3,
        major=17,
        trivial=42,
        passed=6158,
        not_checked=2,
        targets=300,
        targets_checked=298,
    )
    values: dict[str, object] = {
        "state": state,
        "summary": Summary(
            counts=counts, as_of=NOW, enabled=True, since=state.since, last_run=run()
        ),
        "workers": tuple(
            WorkerInfo(
                worker=f"w{number}",
                site=f"site-{number}",
                state="up" if number else "down",
                version="0.1.0",
                last_heard=NOW,
                targets=50,
            )
            for number in range(3)
        ),
        "families": {"mysql": 140, "postgresql": 110, "mongodb": 50},
        "unchecked": (
            UncheckedTarget(
                target="ledger-pg-9",
                kind=Kind.TIMEOUT,
                reason="15 s",
                last_checked=NOW - timedelta(days=2),
            ),
            UncheckedTarget(target="carts-mongo-4", kind=Kind.AUTH, reason="wrong password"),
        ),
        "next_slots": {"standard": NOW + timedelta(hours=23), "rare": NOW + timedelta(hours=40)},
        "yesterday": Counts(critical=2, major=21, trivial=42),
    }
    return StatusReply(**(values | changes))  # type: ignore[arg-type]
