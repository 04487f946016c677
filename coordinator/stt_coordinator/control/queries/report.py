"""The report of a run, or of the latest outcome of everything, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.control_commands import first_run_id
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.queries.runs import waiting_run
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain.diff import reported
from stt_coordinator.domain.model import JobRecord, Pair
from stt_coordinator.domain.summary import counts
from stt_coordinator.domain.suppression import Suppressor
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.identity import finding_id
from stt_shared.protocol.enums import FindingState
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.records import Counts, FindingRecord, RunRecord
from stt_shared.protocol.reports import ReportedFinding, ReportedResult, ReportReply, ReportRequest
from stt_shared.report.counts import of_results

PAGE_PAIRS = 1_000
PAGE_JOBS = 200
ALL_JOBS = 2**31
SEPARATOR = "/"  # in no name


@dataclass(frozen=True, slots=True)
class _Page:
    """What stands on a page, and whether more follows."""

    results: list[ReportedResult]
    is_last: bool


async def read_report(context: HandlerContext, request: ReportRequest) -> ReportReply:
    """A page in order of target and check, with the counts of the whole."""
    target, _, check = request.after.partition(SEPARATOR)
    after = (target, check)
    if not request.run_id:
        return await context.store.read(
            lambda ledger: _noticed(context, ledger, _latest(ledger, after))
        )
    run = await context.store.read(lambda ledger: ledger.runs.get(request.run_id))
    state = context.control_state.state
    if run is None and request.run_id == first_run_id(state):
        run = waiting_run(state)
    if run is None:
        raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {request.run_id!r:.100}")
    found = run
    return await context.store.read(
        lambda ledger: _noticed(context, ledger, _of_run(ledger, found, after))
    )


def _noticed(context: HandlerContext, ledger: Ledger, reply: ReportReply) -> ReportReply:
    return msgspec.structs.replace(reply, notice=unsigned(context, ledger.fleet.workers()))


def _latest(ledger: Ledger, after: tuple[str, str]) -> ReportReply:
    pairs = ledger.outcomes.current(after, PAGE_PAIRS)
    records = ledger.findings.of_targets({pair.target for pair in pairs})
    by_pair: defaultdict[tuple[str, str], list[FindingRecord]] = defaultdict(list)
    for record in records:
        if record.state is not FindingState.RESOLVED:
            by_pair[record.target, record.check].append(record)
    results = [_of_pair(pair, by_pair[pair.target, pair.check]) for pair in pairs]
    run = ledger.runs.last()
    page = _Page(results, is_last=len(pairs) < PAGE_PAIRS)
    return _reply(run, counts(ledger.counts.tallies()), page)


def _of_pair(pair: Pair, records: Iterable[FindingRecord]) -> ReportedResult:
    return ReportedResult(
        target=pair.target,
        family=pair.family,
        site=pair.site,
        check=pair.check,
        outcome=pair.outcome,
        kind=pair.kind,
        reason=pair.reason,
        findings=tuple(reported(one) for one in sorted(records, key=lambda one: one.id)),
        parts_not_checked=pair.parts_not_checked,
    )


def _of_run(ledger: Ledger, run: RunRecord, after: tuple[str, str]) -> ReportReply:
    refuse_without_details(ledger, run)
    jobs = ledger.jobs.of_run(run.run_id, after[0], PAGE_JOBS)
    known = {one.id: one for one in ledger.findings.of_targets({job.target for job in jobs})}
    judge = _judge(ledger, jobs)
    results = [
        result
        for job in jobs
        for result in results_of_job(job, known, run, judge)
        if (result.target, result.check) > after
    ]
    is_last = len(jobs) < PAGE_JOBS
    return _reply(run, _counts_of_run(ledger, run), _Page(results, is_last))


def refuse_without_details(ledger: Ledger, run: RunRecord) -> None:
    """Raise for a run whose jobs were pruned: nothing found would read like nothing wrong."""
    if run.jobs and not ledger.jobs.of_run(run.run_id, "", 1):
        what = f"what run {run.run_id!r:.100} found is kept no more, only how many it checked"
        raise request_error(ErrorCode.UNKNOWN_RUN, what)


def _judge(ledger: Ledger, jobs: Iterable[JobRecord]) -> Suppressor:
    """The exceptions of now: a run is judged by what is accepted today, however old it is."""
    targets = ledger.fleet.targets({job.target for job in jobs})
    labels = {name: row.labels for name, row in targets.items()}
    return Suppressor(ledger.suppressions.live(targets), labels, clock.now())


def results_of_job(
    job: JobRecord, known: dict[str, FindingRecord], run: RunRecord, judge: Suppressor
) -> Iterator[ReportedResult]:
    """What a run found on one target, its findings as `judge` lets them count."""
    for outcome in sorted(job.outcomes, key=lambda one: one.check):
        yield ReportedResult(
            target=job.target,
            family=job.family,
            site=job.site,
            check=outcome.check,
            outcome=outcome.outcome,
            kind=outcome.kind,
            reason=outcome.reason,
            findings=tuple(
                _counted(one, job, outcome.check, judge)
                for one in _findings(job, outcome, known, job.started or run.slot)
            ),
            parts_not_checked=outcome.parts_not_checked,
        )


def _counted(
    one: ReportedFinding, job: JobRecord, check: str, judge: Suppressor
) -> ReportedFinding:
    """The finding as exceptions let it count."""
    severity = judge.severity(check, job.site, one.severity)
    accepted = judge.acceptance(one.id, check, job.target, job.site)
    if severity is one.severity and accepted is None:
        return one
    said = one.severity if severity is not one.severity else None
    return msgspec.structs.replace(one, severity=severity, said_severity=said, accepted=accepted)


def _findings(
    job: JobRecord, outcome: CheckOutcome, known: dict[str, FindingRecord], found_at: datetime
) -> tuple[ReportedFinding, ...]:
    """What the check found then; one finding of each identity, as in the store."""
    least_first = sorted(outcome.findings, key=lambda one: -one.severity.rank)
    by_id = {finding_id(job.target, outcome.check, one.key): one for one in least_first}
    return tuple(
        _finding(id_, one, _since(known.get(id_), found_at)) for id_, one in sorted(by_id.items())
    )


def _finding(id_: str, one: Finding, since: datetime) -> ReportedFinding:
    return ReportedFinding(
        id=id_,
        severity=one.severity,
        object=one.object,
        summary=one.summary,
        description=one.description,
        remediation=one.remediation,
        evidence=one.evidence,
        since=since,
        labels=one.labels,
    )


def _since(record: FindingRecord | None, found_at: datetime) -> datetime:
    if record is None or record.since is None:
        return found_at
    return record.since


def _counts_of_run(ledger: Ledger, run: RunRecord) -> Counts:
    jobs = ledger.jobs.of_run(run.run_id, "", ALL_JOBS)
    none: dict[str, FindingRecord] = {}
    judge = _judge(ledger, jobs)
    return of_results(result for job in jobs for result in results_of_job(job, none, run, judge))


def _reply(run: RunRecord | None, whole: Counts, page: _Page) -> ReportReply:
    results = tuple(pages.fitting(page.results))
    complete = page.is_last and len(results) == len(page.results)
    last = results[-1] if results else None
    return ReportReply(
        run_id=run.run_id if run else "",
        started=run.started if run else None,
        finished=run.finished if run else None,
        counts=whole,
        results=results,
        next="" if complete or last is None else f"{last.target}{SEPARATOR}{last.check}",
    )
