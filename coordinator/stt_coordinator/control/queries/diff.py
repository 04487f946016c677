"""The verb `diff`: the differences between two runs, or since an instant, in pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.pages import decode_cursor, encode_cursor
from stt_coordinator.control.queries.changes import kept_since
from stt_coordinator.control.queries.report import refuse_without_details
from stt_coordinator.control.queries.status import MAX_REASON, unchecked_target
from stt_coordinator.domain.diff import Answers, net, of_target
from stt_coordinator.domain.model import JobRecord, TargetRecord
from stt_coordinator.domain.reported import results_of_job
from stt_coordinator.domain.suppression import as_of
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.history import EventPlace
from stt_shared import clock
from stt_shared.protocol.control import UncheckedTarget
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.queries.history import Difference, DiffReply, DiffRequest
from stt_shared.protocol.records import FindingEvent, FindingRecord, RunRecord
from stt_shared.suppression.rule import Suppressor

PAGE_TARGETS = 50  # each has dozens of outcomes in either run
PAGE_UNCHECKED = pages.MAX_ROWS  # targets: each page reads all events since an instant again
EVENTS_AT_ONCE = 1_000
ALL = 2**31  # rows
WHOLE = "~"  # sorts behind every name: the target is done
NO_ANSWER = "it has not answered in this run yet"
Place = tuple[str, ...]  # target, check, finding: what a page is in order of
Row = Difference | UncheckedTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One of the two runs: its jobs of a page by target, and the suppressions when it ended.

    Not those of now: a finding that was accepted between the two shows as such.
    """

    run: RunRecord
    ended: datetime
    jobs: Mapping[str, JobRecord]
    suppressor: Suppressor

    def answers(self, target: str, known: Mapping[str, FindingRecord]) -> Answers | None:
        """The results of a target by check; None if the run had no job of it."""
        job = self.jobs.get(target)
        if job is None:
            return None
        results = results_of_job(job, known, self.run, self.suppressor)
        return {one.check: one for one in results}


async def read_diff(context: HandlerContext, request: DiffRequest) -> DiffReply:
    """A page; with `run_b` alone against the finished run of its schedule before it.

    Raises RequestError: `bad_request`, or `unknown_run` for one that cannot be compared.
    """
    after = decode_cursor(request.after, Place) or ()
    since = request.since
    if (since is None) is not bool(request.run_a or request.run_b):
        raise request_error(
            ErrorCode.BAD_REQUEST, "expected either runs or an instant to compare with"
        )
    if since is not None:
        kept = kept_since(context, since)
        found = await context.store.read(lambda ledger: changes_since(ledger, since, after))
        return msgspec.structs.replace(found, since=since, kept_since=kept)
    return await context.store.read(lambda ledger: compare_runs(ledger, request, after))


def changes_since(ledger: Ledger, since: datetime, after: Place) -> DiffReply:
    """The net changes of the events since then, and the targets that are unchecked now."""
    first = after[0] if after else ""
    silent = ledger.fleet.unchecked(PAGE_UNCHECKED, first)
    # More of them may follow: what lies behind the last one is for the next page.
    end = (silent[-1].target, WHOLE) if len(silent) == PAGE_UNCHECKED else ()
    begun = [row for row in ledger.fleet.targets([first]).values() if row.state == "unchecked"]
    rows: list[Row] = [*net(events_since(ledger, since)), *map(unchecked_target, [*begun, *silent])]
    return _page((row for row in rows if not end or _place(row) <= end), after, end)


def events_since(ledger: Ledger, since: datetime) -> Iterator[FindingEvent]:
    """The events since then, oldest first; EVENTS_AT_ONCE are held, a month has many."""
    beyond = EventPlace(since, -1)
    while found := ledger.history.page(beyond, 0, EVENTS_AT_ONCE):
        yield from (event for _, event in found)
        position, last = found[-1]
        beyond = EventPlace(last.at, position)


def compare_runs(ledger: Ledger, request: DiffRequest, after: Place) -> DiffReply:
    """What differs between two runs, target by target."""
    runs = select_runs(ledger, request)
    first = after[0] if after else ""
    jobs = [
        {job.target: job for job in ledger.jobs.of_run(run.run_id, first, PAGE_TARGETS)}
        for run in runs
    ]
    # What lies behind the end of one run's page is for the next one.
    end = min((max(found) for found in jobs if len(found) >= PAGE_TARGETS), default="")
    there = sorted(name for name in {*jobs[0], *jobs[1]} if not end or name <= end)
    targets = ledger.fleet.targets(there)
    labels = {name: row.labels for name, row in targets.items()}
    suppressions, _ = ledger.suppressions.page("all", 0, ALL)
    compared: list[ComparedRun] = []
    for run, found in zip(runs, jobs, strict=True):
        ended = run.finished or clock.now()
        suppressor = Suppressor(as_of(suppressions, ended), labels)
        compared.append(ComparedRun(run=run, ended=ended, jobs=found, suppressor=suppressor))
    a, b = compared
    known = {one.id: one for one in ledger.findings.of_targets(there)}
    diffs = {
        name: of_target(a.answers(name, known) or {}, b.answers(name, known), a.ended, b.ended)
        for name in there
    }
    rows: list[Row] = [row for one in diffs.values() for row in one.differences]
    rows += (_unchecked(b.jobs[name], targets) for name, one in diffs.items() if one.unchecked)
    page = _page(rows, after, (end, WHOLE) if end else ())
    last, *_ = decode_cursor(page.next, Place) or (WHOLE,)
    not_compared = sum(one.not_compared for name, one in diffs.items() if first < name <= last)
    return msgspec.structs.replace(page, before=a.run, later=b.run, not_compared=not_compared)


def select_runs(ledger: Ledger, request: DiffRequest) -> tuple[RunRecord, RunRecord]:
    """The earlier and the later run, whatever order they were asked for in.

    Raises RequestError for a run that is not known, was skipped, or whose results were pruned.
    """
    named: list[RunRecord] = []
    for id_ in filter(None, (request.run_a, request.run_b)):
        run = ledger.runs.get(id_)
        if run is None:
            raise request_error(ErrorCode.UNKNOWN_RUN, f"unknown run {id_!r:.100}")
        named.append(run)
    if len(named) == 1:
        other = ledger.runs.previous(named[0])
        if other is None:
            what = f"there is no finished run before {named[0].run_id} to compare it with"
            raise request_error(ErrorCode.UNKNOWN_RUN, what)
        named.append(other)
    if named[0].run_id == named[1].run_id:
        raise request_error(ErrorCode.BAD_REQUEST, f"both runs are {named[0].run_id}")
    for run in named:
        if run.state == "skipped":
            what = f"run {run.run_id} was skipped: nothing was checked"
            raise request_error(ErrorCode.BAD_REQUEST, what)
        refuse_without_details(ledger, run)
    before, later = sorted(named, key=lambda run: run.number)
    return before, later


def _unchecked(job: JobRecord, targets: Mapping[str, TargetRecord]) -> UncheckedTarget:
    why = next((one for one in job.outcomes if one.kind is not Kind.NOT_APPLICABLE), None)
    row = targets.get(job.target)
    return UncheckedTarget(
        target=job.target,
        kind=Kind.NO_WORKER if why is None or why.kind is None else why.kind,
        reason=NO_ANSWER if why is None else why.reason[:MAX_REASON],
        last_checked=row.last_checked if row is not None else None,
    )


def _place(row: Row) -> Place:
    if isinstance(row, UncheckedTarget):
        return (row.target, WHOLE)
    return (row.target, row.check, row.finding.id)


def _page(rows: Iterable[Row], after: Place, end: Place = ()) -> DiffReply:
    """The rows beyond `after` that fit; what follows is beyond the last of them, or `end`."""
    wanted = sorted((row for row in rows if _place(row) > after), key=_place)
    found = list(pages.fitting(wanted[: pages.MAX_ROWS]))
    last = _place(found[-1]) if len(found) < len(wanted) else end
    return DiffReply(
        differences=tuple(row for row in found if isinstance(row, Difference)),
        unchecked=tuple(row for row in found if isinstance(row, UncheckedTarget)),
        next=encode_cursor(last) if last else "",
    )
