"""What is part of the finding of another check is not open beside it, whatever jobs look at it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stt_coordinator.control.queries.report import latest_report, run_report
from stt_coordinator.domain.causes import linked_findings
from stt_coordinator.domain.run_counts import counts_of_job, failed_checks
from stt_coordinator.ledger import suppressions
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import Change, FindingState, Kind, Outcome
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import Cause, CheckOutcome, Finding, Implied
from stt_shared.protocol.queries.reports import ImpliedFinding, ReportedResult
from stt_shared.protocol.records import FindingEvent, FindingRecord, LinkedFinding
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.coordinator.coordination import failed, finding, passed
from tests.support.coordinator.ledgers import (
    CHECKS,
    job_of,
    minutes,
    planned,
    recorded,
    result,
)

CAUSE = Cause(check="c1", object="line")
ALSO = "Also: 1 finding of c2 (line)."
ERROR = CheckOutcome(check="c1", outcome=Outcome.ERROR, kind=Kind.TIMEOUT, reason="slow")
REASON = "it is part of the finding of c1 about line"


def named(thing: str, **values: object) -> Finding:
    return msgspec.structs.replace(finding(thing), object=thing, **values)


def plain() -> list[CheckOutcome]:
    """As a release before it has both."""
    return [failed("c1", named("line")), failed("c2", named("line"))]


def alone() -> CheckOutcome:
    """The implied finding as a worker sends it without a verdict of its cause."""
    return failed("c2", named("line", implied_by=(CAUSE,)))


def joined() -> list[CheckOutcome]:
    """Both as a worker sends them from one job."""
    implies = (Implied(check="c2", keys=("line",)),)
    return [
        failed("c1", named("line", implies=implies, description=ALSO)),
        failed("c2", named("line", implied_by=(CAUSE,), part_of=CAUSE)),
    ]


class Site:
    """A store, and runs of some of its two checks one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known = CHECKS
        self.runs = 0

    async def run(self, *outcomes: CheckOutcome) -> list[FindingEvent]:
        """Record a run of the checks of `outcomes`; returns its events."""
        self.runs += 1
        run_id, at = f"manual-{self.runs}", minutes(10 * self.runs)
        asked = [one for one in CHECKS if one.check in {each.check for each in outcomes}]
        await planned("t1", run_id=run_id, store=self.store, now=at, checks=asked, known=self.known)
        before = len(await self.events())
        await recorded(
            self.store, result("t1", *outcomes, run_id=run_id, sequence=self.runs, at=at)
        )
        return (await self.events())[before:]

    async def events(self) -> list[FindingEvent]:
        return (await self.store.read(lambda ledger: ledger.history.since(minutes(-1), 0, 99)))[0]

    async def findings(self, state: str = "all") -> dict[str, FindingRecord]:
        request = FindingsRequest(state=state)
        found, _ = await self.store.read(lambda ledger: ledger.findings.page(request))
        return {one.check: one for one in found}

    async def report(self, run_id: str | None) -> Sequence[ReportedResult]:
        def read(ledger: Ledger) -> Sequence[ReportedResult]:
            run = ledger.runs.get(run_id) if run_id else None
            if run is None:
                return latest_report(ledger, ("", "")).results
            return run_report(ledger, run, ("", ""), None).results

        return await self.store.read(read)

    async def linked(
        self, record: FindingRecord
    ) -> tuple[LinkedFinding | None, tuple[LinkedFinding, ...]]:
        return await self.store.read(
            lambda ledger: linked_findings(record, ledger.findings.of_targets(["t1"]))
        )

    async def accept(self, check: str) -> None:
        one = SuppressionRecord(
            id=f"x_{check}",
            check=check,
            target="t1",
            until=minutes(60 * 24 * 30).date(),
            reason="why",
            by="ann",
            created=minutes(5),
        )
        await self.store.transact(lambda ledger: suppressions.record(ledger, [one], minutes(5)))


async def site(*before: CheckOutcome) -> Site:
    made = Site(await planned("t1"))
    if before:
        await made.run(*before)
    return made


def changes(events: Sequence[FindingEvent]) -> list[tuple[str, Change]]:
    return [(one.after.check, one.change) for one in events]


async def test_one_fact_opens_one_finding_and_counts_once() -> None:
    made = await site()
    assert changes(await made.run(*joined())) == [("c1", Change.OPENED)]
    (cause,) = (await made.findings()).values()
    assert (cause.check, cause.description) == ("c1", ALSO)
    assert cause.implies == (Implied(check="c2", keys=("line",)),)
    job = await job_of(made.store, run_id="manual-1")
    # Nothing is lost: the outcome of the job has both.
    assert [len(one.findings) for one in job.outcomes] == [1, 1]
    counts = counts_of_job(job.outcomes, failed_checks("t1", "eu", job.outcomes))
    assert (counts.critical, counts.passed, counts.not_checked) == (1, 0, 0)


async def test_after_an_upgrade_what_was_open_and_accepted_ends_once_with_its_reason() -> None:
    for is_accepted in (False, True):
        made = await site(*plain())
        if is_accepted:
            await made.accept("c2")
        (event,) = await made.run(*joined())
        assert (event.after.check, event.change, event.reason) == ("c2", Change.RESOLVED, REASON)
        for _ in range(3):
            assert await made.run(*joined()) == []
        assert list(await made.findings("open")) == ["c1"]
        assert (await made.findings("accepted")) == {}


async def test_nothing_flaps_while_jobs_have_one_of_both_checks() -> None:
    made = await site(*joined())
    before = (await made.findings())["c1"]
    jobs = ([alone()], [joined()[0]], [failed("c1", named("line"))], [ERROR, alone()], [alone()])
    for outcomes in (*jobs, joined(), *jobs[::-1]):
        assert await made.run(*outcomes) == []
        (cause,) = (await made.findings()).values()
        assert (cause.id, cause.implies) == (before.id, before.implies)
        assert cause.description == ALSO


async def test_what_no_open_finding_names_stands_by_itself() -> None:
    made = await site()
    assert changes(await made.run(alone())) == [("c2", Change.OPENED)]
    # The cause was found by itself: it does not say that it stands for another finding.
    made = await site(failed("c1", named("line")))
    assert changes(await made.run(alone())) == [("c2", Change.OPENED)]
    (event,) = await made.run(*joined())
    assert (event.after.check, event.change, event.reason) == ("c2", Change.RESOLVED, REASON)


async def test_what_is_there_without_its_cause_opens_with_the_verdict_that_the_cause_is_gone() -> (
    None
):
    made = await site(*joined())
    assert changes(await made.run(passed("c1"), alone())) == [
        ("c1", Change.RESOLVED),
        ("c2", Change.OPENED),
    ]
    assert changes(await made.run(*joined())) == [("c1", Change.REOPENED), ("c2", Change.RESOLVED)]


async def test_a_cause_that_is_accepted_has_its_parts_accepted() -> None:
    made = await site(*joined())
    await made.accept("c1")
    for outcomes in ([alone()], joined(), [ERROR, alone()]):
        assert await made.run(*outcomes) == []
    assert await made.findings("open") == {}
    assert list(await made.findings("accepted")) == ["c1"]


async def test_the_report_of_now_and_that_of_a_run_name_the_cause() -> None:
    made = await site(*plain())
    await made.run(*joined())
    cause, part = (await made.findings())["c1"], (await made.findings("resolved"))["c2"]
    link = LinkedFinding(check="c1", object="line", id=cause.id)
    for run in (None, "manual-2"):
        _, second = await made.report(run)
        assert second.findings == ()
        assert second.implied == (ImpliedFinding(object="line", implied_by=link),)
    # And each of the two leads to the other one.
    assert await made.linked(part) == (link, ())
    back = LinkedFinding(check="c2", object="line", id=part.id)
    assert await made.linked(cause) == (None, (back,))


async def test_what_is_part_of_a_finding_of_a_disabled_check_stands_by_itself() -> None:
    made = await site(*joined())
    made.known = tuple(msgspec.structs.replace(one, enabled=one.check != "c1") for one in CHECKS)
    assert changes(await made.run(alone())) == [("c2", Change.OPENED)]
    assert list(await made.findings("open")) == ["c2"]
    made.known = CHECKS
    assert changes(await made.run(*joined())) == [("c2", Change.RESOLVED)]


async def test_a_part_that_is_gone_is_not_named_any_more() -> None:
    made = await site(*joined())
    assert await made.run(failed("c1", named("line")), passed("c2")) == []
    (cause,) = (await made.findings()).values()
    assert (cause.implies, cause.description, cause.state) == ((), "", FindingState.OPEN)


async def test_a_mark_counts_only_with_a_finding_of_the_same_result_that_confirms_it() -> None:
    marked = joined()[1]
    too_large = CheckOutcome(
        check="c1", outcome=Outcome.ERROR, kind=Kind.TOO_LARGE, reason="1 findings"
    )
    for cause in (too_large, passed("c1"), failed("c1", named("line")), failed("c1", named("b"))):
        made = await site()
        assert ("c2", Change.OPENED) in changes(await made.run(cause, marked))
