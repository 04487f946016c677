"""The verbs that only look: status, checks, targets, findings, changes, runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.control import pages
from stt_coordinator.control.control_commands import first_run_id
from stt_coordinator.control.cursors import cursor, place
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.control.unsigned_notice import unsigned
from stt_coordinator.domain import schedule
from stt_coordinator.domain.model import TargetRow, WorkerRow
from stt_coordinator.domain.summary import summary
from stt_coordinator.store.port import Ledger
from stt_coordinator.store.ports.findings import FindingPlace
from stt_coordinator.store.ports.history import EventPlace
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.protocol.control import (
    ChecksReply,
    Empty,
    StatusReply,
    TargetInfo,
    TargetsReply,
    TargetsRequest,
    UncheckedTarget,
    WorkerInfo,
)
from stt_shared.protocol.enums import Interval, Kind, Outcome
from stt_shared.protocol.findings import (
    ChangesReply,
    ChangesRequest,
    FindingReply,
    FindingRequest,
    FindingsReply,
    FindingsRequest,
)
from stt_shared.protocol.messages import ControlState, PartNotChecked
from stt_shared.protocol.records import FindingRecord, RunRecord
from stt_shared.protocol.reports import RunsReply, RunsRequest
from stt_shared.report import readable

MAX_UNCHECKED = 20
MAX_PARTS = 100  # databases of one target
MAX_WORKERS = 1_000
MAX_NAMED = 5
MAX_HISTORY = 200  # events of one finding
MAX_REASON = 200  # characters
DAY = timedelta(hours=24)
FINDING_PREFIX = "f_"
STATES = ("open", "accepted", "resolved", "all")


async def status(context: HandlerContext, _request: Empty) -> StatusReply:
    """On or off, counts, last and next run, workers, and what is wrong with STT itself."""
    now, state = clock.now(), context.control_state.state
    slots = {str(name): schedule.next_slot(name, now) for name in Interval}

    def look(ledger: Ledger) -> StatusReply:
        tallies = ledger.counts.tallies()
        workers = ledger.fleet.workers()
        return StatusReply(
            state=state,
            summary=summary(tallies, state, ledger.runs.last(), now),
            workers=tuple(map(_worker, workers[:MAX_WORKERS])),
            families=tallies.families(),
            unchecked=tuple(map(unchecked, ledger.fleet.unchecked(MAX_UNCHECKED))),
            next_slots=slots if state.enabled else {},
            yesterday=ledger.counts.before(now - DAY),
            degraded=(
                *context.degraded(),
                *_refusals(ledger),
                *_other_checks(context, workers),
                *_refused_packs(workers),
            ),
            pack=context.library.status,
            notice=unsigned(context, workers),
            next_end=ledger.suppressions.next_end(),
            parts_not_checked=tuple(ledger.outcomes.parts_not_checked((), MAX_UNCHECKED)),
        )

    return await context.store.read(look)


def _refusals(ledger: Ledger) -> tuple[str, ...]:
    tally = ledger.results.count_rejected()
    named = ", ".join(f"{number} {code}" for code, number in tally.items())
    return (f"messages that were refused: {named}",) if tally else ()


def _other_checks(context: HandlerContext, workers: list[WorkerRow]) -> tuple[str, ...]:
    if context.library.pack:
        return ()  # workers get it with their jobs
    pack = context.library.catalogue.pack
    others = [w.worker for w in workers if w.state == "up" and w.pack not in ("", pack)]
    if not others:
        return ()
    return (f"workers that hold other checks than the coordinator: {readable.first_names(others)}",)


def _refused_packs(workers: list[WorkerRow]) -> tuple[str, ...]:
    return tuple(
        f"worker {worker.worker}: {worker.refused_pack}"
        for worker in workers
        if worker.state == "up" and worker.refused_pack
    )[:MAX_NAMED]


def _worker(row: WorkerRow) -> WorkerInfo:
    return WorkerInfo(
        worker=row.worker,
        site=row.site,
        state=row.state,
        version=row.version,
        last_heard=row.last_heard,
        targets=row.targets,
        running=row.running,
        concurrency=row.concurrency,
        outbox=row.outbox,
    )


def unchecked(row: TargetRow) -> UncheckedTarget:
    """A target of which its last run learned nothing, and why."""
    return UncheckedTarget(
        target=row.target,
        kind=row.kind or Kind.NO_WORKER,
        reason=row.reason[:MAX_REASON],
        last_checked=row.last_checked,
    )


async def checks(context: HandlerContext, _request: Empty) -> ChecksReply:
    """Every known check, by family and name."""
    known = context.library.checks(context.control_state.state.disabled_checks)
    return ChecksReply(checks=known, releases_as_of=context.library.catalogue.as_of)


async def targets(context: HandlerContext, request: TargetsRequest) -> TargetsReply:
    """A page of targets."""
    limit = pages.rows(request.limit)

    def look(ledger: Ledger) -> TargetsReply:
        found = ledger.fleet.targets_page(request.after, limit + 1)
        parts = _parts(ledger, [row.target for row in found])
        page = tuple(pages.fitting(_target(row, parts[row.target]) for row in found[:limit]))
        return TargetsReply(targets=page, next=page[-1].target if len(page) < len(found) else "")

    return await context.store.read(look)


def _parts(ledger: Ledger, names: list[str]) -> defaultdict[str, list[PartNotChecked]]:
    """By target the first MAX_PARTS databases that its checks left out."""
    found: defaultdict[str, list[PartNotChecked]] = defaultdict(list)
    for one in ledger.outcomes.parts_not_checked(names, MAX_PARTS * len(names)) if names else ():
        if len(found[one.target]) < MAX_PARTS:
            found[one.target].append(one.part)
    return found


def _target(row: TargetRow, parts: Iterable[PartNotChecked]) -> TargetInfo:
    return TargetInfo(
        target=row.target,
        family=row.family,
        site=row.site,
        state=row.state,
        workers=row.workers,
        labels=row.labels,
        last_checked=row.last_checked,
        kind=row.kind,
        reason=row.reason,
        facts=row.facts,
        parts_not_checked=tuple(parts),
    )


async def findings(context: HandlerContext, request: FindingsRequest) -> FindingsReply:
    """A page of findings, most severe first, then oldest."""
    if request.state not in STATES:
        what = f"state is {request.state!r:.40}, expected one of {', '.join(STATES)}"
        raise request_error(ErrorCode.BAD_REQUEST, what)
    beyond, limit = place(request.after, FindingPlace), pages.rows(request.limit)
    offset = 0 if beyond else max(0, request.offset)
    query = msgspec.structs.replace(request, limit=limit + 1, offset=offset)

    def look(ledger: Ledger) -> FindingsReply:
        refuse_unknown_names(context, ledger, request)
        found, total = ledger.findings.page(query, beyond)
        page = tuple(pages.fitting(found[:limit]))
        return FindingsReply(
            findings=page,
            total=total,
            notice=unsigned(context, ledger.fleet.workers()),
            next=cursor(FindingPlace.of(page[-1])) if len(page) < len(found) else "",
            parts_not_checked=tuple(
                ledger.outcomes.parts_not_checked(request.targets, MAX_UNCHECKED)
            ),
        )

    return await context.store.read(look)


def refuse_unknown_names(context: HandlerContext, ledger: Ledger, request: FindingsRequest) -> None:
    """Raise for a name that nothing has: no findings would read like nothing wrong."""
    known = ledger.fleet.targets(request.targets)
    for name in request.targets:
        if name not in known:
            raise request_error(ErrorCode.UNKNOWN_TARGET, f"unknown target {name!r:.100}")
    if request.sites:
        there = {target.site for target in ledger.fleet.all_targets()}
        for name in request.sites:
            if name not in there:
                raise request_error(ErrorCode.UNKNOWN_SITE, f"no target is at site {name!r:.100}")
    catalogue = context.library.catalogue
    for name in request.checks:
        if name not in catalogue.checks and not _has_findings(ledger, name):
            close = catalogue.find(name)
            hint = close.name if close else catalogue.close_to(name)
            meant = f", did you mean {hint!r}?" if hint else ""
            raise request_error(ErrorCode.UNKNOWN_CHECK, f"unknown check {name!r:.100}{meant}")


def _has_findings(ledger: Ledger, check: str) -> bool:
    """Whether a check that is known no more left findings behind."""
    query = FindingsRequest(checks=(check,), state="all", limit=1)
    return ledger.findings.page(query)[1] > 0


async def finding(context: HandlerContext, request: FindingRequest) -> FindingReply:
    """One finding with its history."""
    return await context.store.read(
        lambda ledger: _finding(context, ledger, one_finding(ledger, request.id))
    )


def one_finding(ledger: Ledger, id_: str) -> FindingRecord:
    """The finding of that id, or the only one whose id begins so."""
    prefix = FINDING_PREFIX + id_.removeprefix(FINDING_PREFIX).lower()
    found = ledger.findings.with_prefix(prefix, 2)
    if not found or prefix == FINDING_PREFIX:
        raise request_error(ErrorCode.UNKNOWN_FINDING, f"unknown finding {id_!r:.100}")
    if len(found) > 1:
        raise request_error(
            ErrorCode.AMBIGUOUS_FINDING, f"{id_!r:.100} is the beginning of several findings"
        )
    return found[0]


def _finding(context: HandlerContext, ledger: Ledger, record: FindingRecord) -> FindingReply:
    pairs = {pair.check: pair for pair in ledger.outcomes.of_targets([record.target])}
    pair = pairs.get(record.check)
    target = ledger.fleet.targets([record.target]).get(record.target)
    newest_first = reversed(ledger.history.of_finding(record.id, MAX_HISTORY))
    events = list(pages.fitting(newest_first))
    return FindingReply(
        finding=next(pages.fitting([record])),
        history=tuple(reversed(events)),
        outcome=pair.outcome if pair else Outcome.FAILED,
        kind=pair.kind if pair else None,
        reason=pair.reason if pair else "",
        facts=target.facts if target else None,
        notice=unsigned(context, ledger.fleet.workers()),
        parts_not_checked=pair.parts_not_checked[:MAX_PARTS] if pair else (),
    )


async def changes(context: HandlerContext, request: ChangesRequest) -> ChangesReply:
    """A page of what happened to findings."""
    limit, offset = pages.rows(request.limit), max(0, request.offset)
    beyond = place(request.after, EventPlace) or EventPlace(request.since, -1)
    offset = 0 if request.after else offset

    def look(ledger: Ledger) -> ChangesReply:
        _, total = ledger.history.since(request.since, 0, 0)
        found = ledger.history.page(beyond, offset, limit + 1)
        page = tuple(pages.fitting(event for _, event in found[:limit]))
        last = found[len(page) - 1] if page else None
        more = len(page) < len(found)
        return ChangesReply(
            changes=page,
            total=total,
            unchecked=tuple(map(unchecked, ledger.fleet.unchecked(MAX_UNCHECKED))),
            unchecked_total=ledger.fleet.count_unchecked(),
            kept_since=kept_since(context, request.since),
            next=cursor((clock.to_text(last[1].at), last[0])) if last and more else "",
        )

    return await context.store.read(look)


def kept_since(context: HandlerContext, since: datetime) -> datetime | None:
    """From when on all changes are kept, if that is later than `since`."""
    kept = clock.now() - context.retention.full
    return kept if since < kept else None


async def runs(context: HandlerContext, request: RunsRequest) -> RunsReply:
    """The newest runs, or one by its id; empty if there is none of that id."""
    state = context.control_state.state
    if not request.run_id:
        limit, before = pages.rows(request.limit), place(request.after, Place)
        found = await context.store.read(lambda ledger: ledger.runs.newest(limit + 1, before))
        page = tuple(pages.fitting(found[:limit]))
        more = len(page) < len(found)
        last = cursor((clock.to_text(page[-1].slot), page[-1].run_id)) if more else ""
        return RunsReply(runs=page, next=last)
    one = await context.store.read(lambda ledger: ledger.runs.get(request.run_id))
    if one is None and request.run_id == first_run_id(state):
        one = waiting(state)
    return RunsReply(runs=(one,) if one is not None else ())


def waiting(state: ControlState) -> RunRecord:
    """The run that follows enabling, as long as it waits for targets to be announced."""
    return RunRecord(
        run_id=first_run_id(state),
        schedule=schedule.ENABLE,
        slot=(state.since or clock.now()).replace(microsecond=0),
        state="running",
        reason="waiting for workers to announce their targets",
        requested_by=state.by,
    )
