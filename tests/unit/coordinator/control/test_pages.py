"""Long answers come in pages that hold everything once, none larger than a message may be."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import msgspec
import pytest

from stt_coordinator.control import pages
from stt_coordinator.control.counted_runs import MAX_AGE, MAX_RUNS, CountedRuns
from stt_coordinator.control.queries import report, run_counts
from stt_coordinator.domain.model import JobRecord
from stt_coordinator.store.memory.jobs import MemoryJobs
from stt_shared.protocol.control import (
    TargetsReply,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Family, Outcome, Severity
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import MAX_FINDINGS, Fix
from stt_shared.protocol.queries.reports import (
    ReportedFinding,
    ReportedResult,
    ReportReply,
    ReportRequest,
)
from stt_shared.protocol.records import Counts
from stt_shared.report import remedy
from stt_shared.report.counts import of_results
from tests.support.coordinator.control_site import RunningCoordinator, running_coordinator
from tests.support.coordinator.coordination import (
    NOW,
    ask,
    finding,
)


@pytest.fixture
async def coordinator() -> AsyncGenerator[RunningCoordinator]:
    async with running_coordinator() as made:
        yield made


async def test_findings_targets_and_changes_come_in_pages(coordinator: RunningCoordinator) -> None:
    await coordinator.checked()
    page = await ask(coordinator.bus, Verb.FINDINGS, FindingsRequest(limit=3), FindingsReply)
    assert ([one.severity for one in page.findings], page.total) == (
        [Severity.CRITICAL, Severity.CRITICAL, Severity.TRIVIAL],
        4,
    )
    first = await ask(coordinator.bus, Verb.TARGETS, TargetsRequest(limit=2), TargetsReply)
    second = await ask(
        coordinator.bus, Verb.TARGETS, TargetsRequest(after=first.next), TargetsReply
    )
    states = {one.target: one.state for one in (*first.targets, *second.targets)}
    assert states == {"ledger": "unchecked", "orders": "checked", "shop": "checked"}
    assert second.next == ""
    request = ChangesRequest(since=NOW - timedelta(days=9999), offset=1, limit=2)
    changes = await ask(coordinator.bus, Verb.CHANGES, request, ChangesReply)
    assert (len(changes.changes), changes.total) == (2, 4)
    assert [one.target for one in changes.unchecked] == ["ledger"]


async def all_pages(coordinator: RunningCoordinator, run_id: str) -> list[ReportReply]:
    found: list[ReportReply] = []
    while not found or found[-1].next:
        after = found[-1].next if found else ""
        request = ReportRequest(run_id=run_id, after=after)
        found.append(await ask(coordinator.bus, Verb.REPORT, request, ReportReply))
    assert all(one.results for one in found[:-1])
    return found


async def test_report_pages_hold_every_pair_once_with_the_counts_of_the_whole(
    coordinator: RunningCoordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await coordinator.checked()
    monkeypatch.setattr(pages, "ROOM_BYTES", 700)
    for wanted in ("", run_id):
        paged = await all_pages(coordinator, wanted)
        results = [one for page in paged for one in page.results]
        places = [(one.target, one.check) for one in results]
        assert places == sorted(set(places))
        assert len(places) == 5
        assert {page.counts.targets for page in paged} == {3}
        assert {page.run_id for page in paged} == {run_id}


async def test_counts_of_a_report_are_those_of_its_results(coordinator: RunningCoordinator) -> None:
    run_id = await coordinator.checked()
    for wanted in ("", run_id):
        page = await ask(coordinator.bus, Verb.REPORT, ReportRequest(run_id=wanted), ReportReply)
        assert page.counts == of_results(page.results)
        assert page.finished is not None


@pytest.mark.parametrize("is_old", [False, True], ids=["with counts", "of an earlier release"])
async def test_run_is_counted_once_for_all_pages_of_its_report_and_old_jobs_some_at_a_time(
    coordinator: RunningCoordinator, monkeypatch: pytest.MonkeyPatch, *, is_old: bool
) -> None:
    run_id = await coordinator.checked()
    whole = await ask(coordinator.bus, Verb.REPORT, ReportRequest(run_id=run_id), ReportReply)
    monkeypatch.setattr(report, "PAGE_TARGETS", 1)
    monkeypatch.setattr(report, "PAGE_PAIRS", 1)
    monkeypatch.setattr(run_counts, "JOBS_AT_ONCE", 1)
    read: list[tuple[str, int]] = []

    def of_run(jobs: MemoryJobs, run_id: str, first: str, limit: int) -> list[JobRecord]:
        read.append((first, limit))
        return original(jobs, run_id, first, limit)

    def without_counts(_jobs: MemoryJobs, _run_id: str) -> list[tuple[Counts | None, int]]:
        return [(None, 2)]

    original = MemoryJobs.of_run
    monkeypatch.setattr(MemoryJobs, "of_run", of_run)
    if is_old:
        monkeypatch.setattr(MemoryJobs, "counts_of_run", without_counts)
    paged = await all_pages(coordinator, run_id)
    assert [page.counts for page in paged] == [whole.counts] * len(paged)
    assert len(paged) > 1
    assert max(limit for _, limit in read) == 2
    # Each page looks whether there are details, and reads its own jobs, the later ones first the
    # last job of the page before; two, one and none to count.
    assert len(read) == 3 * len(paged) - 1 + (3 if is_old else 0)


def test_counts_of_a_run_are_kept_for_a_while_and_of_few_runs() -> None:
    kept = CountedRuns()
    for number in range(MAX_RUNS + 1):
        kept.put(f"r{number}", Counts(passed=number), NOW)
    assert kept.get("r0", NOW) is None
    assert kept.get("r1", NOW + MAX_AGE) == Counts(passed=1)
    assert kept.get("r1", NOW + MAX_AGE + timedelta(seconds=1)) is None
    assert kept.get("r1", NOW - timedelta(seconds=1)) is None
    kept.put("r1", Counts(passed=99), NOW)
    assert kept.get("r1", NOW) == Counts(passed=99)


def test_row_that_fills_a_page_alone_is_slimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROOM_BYTES", 600)
    big = finding("x")
    big = type(big)(
        key=big.key,
        severity=big.severity,
        summary="s",
        evidence=tuple({"row": "x" * 100} for _ in range(50)),
    )
    (found,) = pages.fitting([big, big])
    assert (found.evidence, found.summary) == ((), "s")


@pytest.mark.parametrize("length", [3, 200, 1_500])
def test_a_row_with_as_many_findings_as_a_check_may_have_fits_into_a_message(length: int) -> None:
    text = "x" * length
    fix = Fix(effect=text, before=text, persistent=text, statement=(text, text), undo=(text,))
    one = ReportedFinding(
        id="0123456789ab",
        severity=Severity.MAJOR,
        object=text,
        summary=text,
        description=text,
        remediation=fix.text,
        evidence=({"row": text},),
        since=NOW,
        labels={"team": text},
        read_more_url=text,
        fix=fix,
    )
    row = ReportedResult(
        target="t" * 64,
        family=Family.MYSQL,
        site="s" * 64,
        check="c" * 64,
        outcome=Outcome.FAILED,
        kind=None,
        reason="",
        findings=(one,) * MAX_FINDINGS,
    )
    (found,) = pages.fitting([row, row]) if length > 3 else tuple(pages.fitting([row]))
    assert len(found.findings) == MAX_FINDINGS
    assert (found.target, found.site, found.check) == (row.target, row.site, row.check)
    assert len(msgspec.json.encode(found)) <= pages.ROOM_BYTES
    for shown in found.findings:
        assert shown.fix is not None
        # Whole or not at all: half of a statement must not be run.
        assert shown.fix.statement in {(text, text), ()}
        assert shown.remediation in {fix.text, remedy.LEFT_OUT}
