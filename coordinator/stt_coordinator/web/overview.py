"""What the home page and the panel show, from one look at the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stt_coordinator.control import queries
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.trends import trends_of
from stt_coordinator.domain.model import TargetRow, WorkerRow
from stt_coordinator.domain.schedule import ENABLE, PERIODS
from stt_coordinator.store.port import Grouped, Ledger
from stt_shared import clock
from stt_shared.protocol.control import Empty, StatusReply
from stt_shared.protocol.enums import Change, Interval, Severity
from stt_shared.protocol.history import TrendsReply
from stt_shared.protocol.records import Counts, FindingEvent
from stt_shared.report.counts import is_whole

DAY = timedelta(hours=24)
TREND_DAYS = 30
MAX_NEW = 8
MAX_FIXES = 3
MAX_EVENTS = 200
LATE = timedelta(hours=2)  # after the period of the standard checks a run is overdue
STALE = PERIODS[Interval.STANDARD] + LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One of the three numbers, and its change since yesterday if that is known."""

    severity: Severity
    now: int
    change: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site at a glance; `checked` is when something there was last learned."""

    name: str
    targets: int
    unchecked: int
    late: int  # checked, but so long ago that a run was missed
    workers: int  # that are up
    checked: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything above the fold."""

    status: StatusReply
    state: str  # never, off, empty, first, overdue, partial, clear, findings
    late: int  # databases whose last answer is older than a run may be
    numbers: tuple[Number, ...]
    trend: TrendsReply
    new: tuple[FindingEvent, ...]
    fixes: tuple[Grouped, ...]
    sites: tuple[Site, ...]
    now: datetime


async def overview(context: HandlerContext) -> Overview:
    """The overview as of now."""
    now, status = clock.now(), await queries.status(context, Empty())

    def look(ledger: Ledger) -> Overview:
        events, _ = ledger.events_since(now - DAY, 0, MAX_EVENTS)
        opened = [one for one in events if one.change in (Change.OPENED, Change.REOPENED)]
        present = [row for row in ledger.all_targets() if not row.gone]
        sites = sites_of(present, ledger.workers(), now)
        late = sum(site.late for site in sites)
        return Overview(
            status=status,
            state=state_of(status, now, late=late),
            late=late,
            numbers=numbers_of(status),
            trend=trends_of(ledger, TREND_DAYS, now, status.summary.counts),
            new=tuple(worst_first(opened)[:MAX_NEW]),
            fixes=tuple(ledger.group_findings("check", MAX_FIXES)),
            sites=tuple(sites),
            now=now,
        )

    return await context.store.read(look)


async def standing(context: HandlerContext) -> tuple[StatusReply, str]:
    """The status and the state of the page, without all the rest."""
    now, status = clock.now(), await queries.status(context, Empty())
    rows = await context.store.read(lambda ledger: ledger.all_targets())
    return status, state_of(
        status, now, late=sum(is_late(row, now) for row in rows if not row.gone)
    )


def worst_first(events: Iterable[FindingEvent]) -> list[FindingEvent]:
    """The most severe first, then the newest."""
    rank = list(Severity)
    return sorted(events, key=lambda one: (rank.index(one.after.severity), -one.at.timestamp()))


def numbers_of(status: StatusReply) -> tuple[Number, ...]:
    """Critical, major, trivial."""
    counts, before = status.summary.counts, status.yesterday
    return tuple(
        Number(
            severity=severity,
            now=getattr(counts, severity),
            change=getattr(counts, severity) - getattr(before, severity) if before else None,
        )
        for severity in Severity
    )


def state_of(status: StatusReply, now: datetime, *, late: int = 0) -> str:
    """Which of its states the page is in; green only where everything was checked.

    A run of one database does not make the others up to date: `late` of them are not.
    """
    if not status.state.enabled:
        return "never" if status.state.since is None else "off"
    if not status.summary.counts.targets:
        return "empty"
    run = status.summary.last_run
    if run is None or (run.state == "running" and run.schedule == ENABLE):
        return "first"
    if late or now - run.slot > STALE:
        return "overdue"
    return _result(status.summary.counts)


def _result(counts: Counts) -> str:
    if counts.critical or counts.major or counts.trivial:
        return "findings"
    return "clear" if counts.passed and is_whole(counts) else "partial"


def sites_of(
    targets: Sequence[TargetRow], workers: Sequence[WorkerRow], now: datetime
) -> list[Site]:
    """Each site with its targets, those not checked first."""
    by_site: dict[str, list[TargetRow]] = {}
    for target in targets:
        if not target.gone:
            by_site.setdefault(target.site, []).append(target)
    found = [
        Site(
            name=name,
            targets=len(rows),
            unchecked=sum(row.state != "checked" for row in rows),
            late=sum(is_late(row, now) for row in rows),
            workers=sum(worker.site == name and worker.state == "up" for worker in workers),
            checked=max((row.last_checked for row in rows if row.last_checked), default=None),
        )
        for name, rows in by_site.items()
    ]
    return sorted(found, key=lambda site: (-site.unchecked - site.late, site.name))


def is_late(target: TargetRow, now: datetime) -> bool:
    """Whether what is known of a database is older than a run may be."""
    return (
        target.state == "checked"
        and target.last_started is not None
        and now - target.last_started > STALE
    )
