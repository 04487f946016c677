"""A small fleet in a store: workers, targets, outcomes and findings, and what was counted."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.domain.model import Pair, TargetRecord, WorkerRecord
from stt_coordinator.metrics.counters import Counters
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.control import CheckInfo, PackStatus
from stt_shared.protocol.enums import Family, FindingState, Interval, Kind, Outcome, Severity
from stt_shared.protocol.messages import CheckOutcome, PartNotChecked
from stt_shared.protocol.records import Acceptance, FindingRecord
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.ledgers import result

HOUR = timedelta(hours=1)


ACCEPTED = Acceptance(exception="e_1", until=NOW.date(), by="dba", reason="proxy only")


PACK = PackStatus(
    source="/packs",
    name="core",
    serial=7,
    digest="d",
    key="7A1C",
    checks=1,
    fetched=NOW,
    expires=NOW + 30 * 24 * HOUR,
)


def target(name: str, site: str, **changes: object) -> TargetRecord:
    values: dict[str, object] = {"family": Family.MYSQL, "first_seen": NOW}
    return TargetRecord(target=name, site=site, **(values | changes))  # type: ignore[arg-type]


def worker(name: str, site: str, state: str) -> WorkerRecord:
    return WorkerRecord(
        worker=name, site=site, state=state, version="1", started=NOW, last_heard=NOW, targets=1
    )


def finding(
    id_: str,
    target: str,
    site: str,
    severity: Severity,
    accepted: Acceptance | None = None,
) -> FindingRecord:
    return FindingRecord(
        id=id_,
        target=target,
        family=Family.MYSQL,
        site=site,
        check="c1",
        state=FindingState.OPEN,
        severity=severity,
        summary="s",
        first_seen=NOW,
        last_confirmed=NOW,
        since=NOW,
        accepted=accepted,
    )


def fill(ledger: Ledger) -> None:
    """Site eu: one checked with findings, one refused; us: never looked at, no worker."""
    learned = {"last_started": NOW, "learned": True, "last_checked": NOW + timedelta(seconds=2)}
    ledger.fleet.put_targets(
        [
            target("t1", "eu", **learned),
            target("t2", "eu", last_started=NOW + HOUR, kind=Kind.AUTH),
            target("t3", "us", family=Family.MONGODB),
            target("t4", "old", gone=True, **learned),
        ]
    )
    ledger.fleet.replace_checks(
        CheckInfo(
            check=name,
            family=Family.MYSQL,
            summary="",
            interval=Interval.STANDARD,
            digest=name,
            enabled=True,
        )
        for name in ("c1", "c2")
    )
    ledger.outcomes.put(
        Pair(
            target="t2",
            check=check,
            family=Family.MYSQL,
            site="eu",
            outcome=outcome,
            kind=kind,
            run_id="r",
            started=NOW,
            finished=NOW,
        )
        for check, outcome, kind in (
            ("c1", Outcome.ERROR, Kind.AUTH),
            ("c2", Outcome.SKIPPED, Kind.NOT_APPLICABLE),
        )
    )
    partial = Pair(
        target="t1",
        check="c2",
        family=Family.MYSQL,
        site="eu",
        outcome=Outcome.PASSED,
        run_id="r",
        started=NOW,
        finished=NOW,
        parts_not_checked=(PartNotChecked(name="old", kind=Kind.QUERY, reason="invalid"),),
    )
    ledger.outcomes.put([partial])
    ledger.findings.put(
        [
            finding("f_1", "t1", "eu", Severity.CRITICAL),
            finding("f_2", "t1", "eu", Severity.CRITICAL),
            finding("f_3", "t4", "old", Severity.CRITICAL),
            finding("f_4", "t1", "eu", Severity.MAJOR, accepted=ACCEPTED),
        ]
    )
    ledger.fleet.put_workers([worker("w1", "eu", "up"), worker("w2", "eu", "down")])


def counted() -> Counters:
    counters = Counters()
    slow = CheckOutcome(check="c1", outcome=Outcome.FAILED, duration_ms=40_000)
    quick = CheckOutcome(check="c2", outcome=Outcome.PASSED, duration_ms=20)
    counters.record_results([result("t1", slow, quick)])
    counters.record_refusals({"wrong_nonce": 2})
    counters.record_publication("stt.v1.event.finding.opened.critical", stored=True)
    counters.record_publication("stt.v1.summary.all", stored=False)
    return counters
