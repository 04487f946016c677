"""The verb `report`: the results of a run, or of the latest outcome of everything, in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.control_commands import first_run_id
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.queries.run_counts import run_counts, suppressor_of
from stt_coordinator.control.queries.runs import waiting_run
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain.coverage import outcomes_of
from stt_coordinator.domain.model import Pair
from stt_coordinator.domain.reported import result_of_pair, results_of_job
from stt_coordinator.domain.summary import counts
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.enums import FindingState, Kind
from stt_shared.protocol.queries.reports import ReportedResult, ReportReply, ReportRequest
from stt_shared.protocol.records import Counts, FindingRecord, RunRecord
from stt_shared.report.implied import implied_by, with_implied

PAGE_PAIRS = 1_000  # about as many results are read for a page; fewer fit if they found much
PAGE_TARGETS = 50  # read at once, or their jobs; each has some dozens of checks
SEPARATOR = "/"  # in no name
Position = tuple[str, str]  # target and check, which a page is in order of


async def read_report(context: HandlerContext, request: ReportRequest) -> ReportReply:
    """A page in order of target and check, with the counts of the whole.

    A run is counted for the first page; the pages that follow have these counts for a while.
    Raises RequestError `unknown_run` for a run that is not known, or whose jobs were pruned.
    """
    target, _, check = request.after.partition(SEPARATOR)
    after = (target, check)
    now = clock.now()
    counted = context.counted_runs.get(request.run_id, now) if request.after else None

    def read(ledger: Ledger) -> ReportReply:
        state = context.control_state.newest(ledger)
        notice = unsigned(context, ledger.fleet.workers())
        if not request.run_id:
            return msgspec.structs.replace(latest_report(ledger, after), notice=notice)
        run = ledger.runs.get(request.run_id)
        if run is None and request.run_id == first_run_id(state):
            run = waiting_run(state)
        if run is None:
            raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {request.run_id!r:.100}")
        return msgspec.structs.replace(run_report(ledger, run, after, counted), notice=notice)

    reply = await context.store.read(read)
    if request.run_id and counted is None:
        context.counted_runs.put(request.run_id, reply.counts, now)
    return reply


def latest_report(ledger: Ledger, after: Position) -> ReportReply:
    """The latest outcome of each check on each known target, with its open findings."""
    pairs, is_last = latest_outcomes(ledger, after)
    open_findings: defaultdict[Position, list[FindingRecord]] = defaultdict(list)
    of_target: defaultdict[str, list[FindingRecord]] = defaultdict(list)
    # Of gone targets no check has an outcome: their findings are listed apart.
    present = {pair.target for pair in pairs if pair.kind is not Kind.GONE}
    for record in ledger.findings.of_targets(present):
        if record.state is not FindingState.RESOLVED:
            open_findings[record.target, record.check].append(record)
            of_target[record.target].append(record)
    implied = {
        target: implied_by((one.check, one) for one in records)
        for target, records in of_target.items()
    }
    results = [
        result_of_pair(
            pair,
            open_findings[pair.target, pair.check],
            implied.get(pair.target, {}).get(pair.check, ()),
        )
        for pair in pairs
    ]
    whole = counts(ledger.counts.tallies())
    return _page(ledger.runs.last(), whole, results, is_last=is_last)


def latest_outcomes(ledger: Ledger, after: Position) -> tuple[list[Pair], bool]:
    """About PAGE_PAIRS outcomes beyond `after`, also of checks never run; and whether it is all."""
    checks = ledger.fleet.checks()
    rows = list(ledger.fleet.targets([after[0]]).values())
    found: list[Pair] = []
    beyond = after[0]
    while True:
        more = ledger.fleet.targets_page(beyond, PAGE_TARGETS)
        rows += more
        known: defaultdict[str, dict[str, Pair]] = defaultdict(dict)
        for pair in ledger.outcomes.of_targets(row.target for row in rows):
            known[pair.target][pair.check] = pair
        for row in rows:
            outcomes = outcomes_of(row, checks, known[row.target])
            found += [one for one in outcomes if (one.target, one.check) > after]
        if len(more) < PAGE_TARGETS or len(found) >= PAGE_PAIRS:
            return found, len(more) < PAGE_TARGETS
        rows, beyond = [], more[-1].target


def run_report(
    ledger: Ledger, run: RunRecord, after: Position, counted: Counts | None
) -> ReportReply:
    """What a run found, with the suppressions of now applied, however old the run is."""
    refuse_without_details(ledger, run)
    results: list[ReportedResult] = []
    first, is_last = after[0], False
    while not is_last and len(results) < PAGE_PAIRS:
        # One more: the next ones begin with it.
        jobs = ledger.jobs.of_run(run.run_id, first, PAGE_TARGETS + 1)
        is_last = len(jobs) <= PAGE_TARGETS
        first, jobs = jobs[-1].target if jobs else first, jobs[:PAGE_TARGETS]
        known = {one.id: one for one in ledger.findings.of_targets({job.target for job in jobs})}
        suppressor = suppressor_of(ledger, jobs)
        for job in jobs:
            found = with_implied(list(results_of_job(job, known, run, suppressor)))
            results += [one for one in found if (one.target, one.check) > after]
    return _page(run, counted or run_counts(ledger, run), results, is_last=is_last)


def refuse_without_details(ledger: Ledger, run: RunRecord) -> None:
    """Raise RequestError for a run whose jobs were pruned: an empty report would look clean."""
    if run.jobs and not ledger.jobs.of_run(run.run_id, "", 1):
        what = f"the results of run {run.run_id!r:.100} are no longer kept, only their numbers"
        raise request_error(ErrorCode.UNKNOWN_RUN, what)


def _page(
    run: RunRecord | None, whole: Counts, found: Sequence[ReportedResult], *, is_last: bool
) -> ReportReply:
    """The first of `found` that fit into a message; `is_last`: nothing follows behind `found`."""
    results = tuple(pages.fitting(found))
    is_complete = is_last and len(results) == len(found)
    last = results[-1] if results else None
    return ReportReply(
        run_id=run.run_id if run else "",
        started=run.started if run else None,
        finished=run.finished if run else None,
        counts=whole,
        results=results,
        next="" if is_complete or last is None else f"{last.target}{SEPARATOR}{last.check}",
    )
