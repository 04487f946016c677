"""The verb `overview`: the numbers, the trend, new findings and the sites, in one reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.pages import slim
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.control.queries.trends import trends_of
from stt_coordinator.control.views.groups import group_of
from stt_coordinator.domain.model import WorkerRecord
from stt_coordinator.domain.summary import SiteTally
from stt_coordinator.domain.time.schedule import ENABLE, PERIODS
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.control import Empty, StatusReply
from stt_shared.protocol.enums import Change, Interval, Severity
from stt_shared.protocol.queries.overview import (
    FindingGroupBy,
    OverviewReply,
    OverviewState,
    SeverityNumber,
    SiteOverview,
)
from stt_shared.protocol.records import FindingEvent
from stt_shared.report.counts import is_whole

DAY = timedelta(hours=24)
TREND_DAYS = 30
MAX_NEW = 8
MAX_FIXES = 3
MAX_EVENTS = 200
LATE = timedelta(hours=2)  # after the period of the standard checks a run is overdue
STALE = PERIODS[Interval.STANDARD] + LATE


async def overview(context: HandlerContext, _request: Empty) -> OverviewReply:
    """The overview as of now; the trend covers TREND_DAYS, `new` the last day."""
    now, status = clock.now(), await read_status(context, Empty())

    def read(ledger: Ledger) -> OverviewReply:
        events, _ = ledger.history.since(now - DAY, 0, MAX_EVENTS)
        opened = [one for one in events if one.change in (Change.OPENED, Change.REOPENED)]
        sites = sites_of(ledger.counts.sites(now - STALE), ledger.fleet.workers())
        late = sum(site.late for site in sites)
        return OverviewReply(
            status=status,
            state=state_of(status, now, late=late),
            late=late,
            numbers=numbers_of(status),
            trend=trends_of(ledger, TREND_DAYS, now, status.summary.counts),
            # Evidence would not fit: eight findings may hold more than one message does.
            new=tuple(map(slim, worst_first(opened)[:MAX_NEW])),
            fixes=tuple(map(group_of, ledger.findings.group(FindingGroupBy.CHECK, MAX_FIXES))),
            sites=tuple(sites),
            now=now,
        )

    return await context.store.read(read)


async def status_and_state(context: HandlerContext) -> tuple[StatusReply, OverviewState]:
    """The status and the overview's state, without the trend, the groups and the sites."""
    now, status = clock.now(), await read_status(context, Empty())
    sites = await context.store.read(lambda ledger: ledger.counts.sites(now - STALE))
    return status, state_of(status, now, late=sum(site.late for site in sites))


def worst_first(events: Iterable[FindingEvent]) -> list[FindingEvent]:
    """The most severe first, then the newest."""
    return sorted(events, key=lambda one: (one.after.severity.rank, -one.at.timestamp()))


def numbers_of(status: StatusReply) -> tuple[SeverityNumber, ...]:
    """Critical, major, trivial."""
    counts, before = status.summary.counts, status.yesterday
    return tuple(
        SeverityNumber(
            severity=severity,
            now=getattr(counts, severity),
            change=getattr(counts, severity) - getattr(before, severity) if before else None,
        )
        for severity in Severity
    )


def state_of(status: StatusReply, now: datetime, *, late: int = 0) -> OverviewState:
    """The first state that applies; `clear` only where everything was checked.

    A run of one database does not make the others up to date: `late` of them are not.
    """
    if not status.state.enabled:
        return OverviewState.NEVER if status.state.since is None else OverviewState.OFF
    if not status.summary.counts.targets and not status.summary.counts.gone:
        return OverviewState.EMPTY
    run = status.summary.last_run
    if run is None or (run.state == "running" and run.schedule == ENABLE):
        return OverviewState.FIRST
    if late or now - run.slot > STALE:
        return OverviewState.OVERDUE
    counts = status.summary.counts
    if counts.critical or counts.major or counts.trivial:
        return OverviewState.FINDINGS
    return OverviewState.CLEAR if counts.passed and is_whole(counts) else OverviewState.PARTIAL


def sites_of(tallies: Iterable[SiteTally], workers: Iterable[WorkerRecord]) -> list[SiteOverview]:
    """Each site with its targets, the site with the most unchecked targets first."""
    up = Counter(worker.site for worker in workers if worker.state == "up")
    found = [
        SiteOverview(
            name=one.site,
            targets=one.targets,
            unchecked=one.unchecked,
            late=one.late,
            workers=up[one.site],
            checked=one.checked,
            gone=one.gone,
        )
        for one in tallies
    ]
    return sorted(found, key=lambda site: (-site.unchecked - site.late - site.gone, site.name))
