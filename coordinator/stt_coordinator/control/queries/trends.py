"""The verb `trends`: findings per day and severity, and how long fixing takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.daily import DayRecord, day_of, trend
from stt_coordinator.domain.summary import counts
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.history import TrendsReply, TrendsRequest
from stt_shared.protocol.records import Counts

MAX_DAYS = 3_660  # the most that a setting may keep


async def read_trends(context: HandlerContext, request: TrendsRequest) -> TrendsReply:
    """The last days, today as it is now."""
    now, days = clock.now(), max(1, min(request.days, MAX_DAYS))
    return await context.store.read(
        lambda ledger: trends_of(ledger, days, now, counts(ledger.counts.tallies()))
    )


def trends_of(ledger: Ledger, days: int, now: datetime, present: Counts) -> TrendsReply:
    """The last `days` days with today, whose open findings are those of `present`."""
    today = day_of(now)
    first = today - timedelta(days=days - 1)
    # The last count before the window stands until there is one in it.
    rows = ledger.counts.days(ledger.counts.last_counted_day(first) or first)
    return TrendsReply(
        days=trend(_with_today(rows, today, present), first, today),
        fix_times=ledger.counts.fix_times(first),
        since=first,
    )


def _with_today(rows: list[DayRecord], today: date, present: Counts) -> list[DayRecord]:
    there = {row.severity: row for row in rows if row.day == today}
    if not rows and not (present.targets or present.critical or present.major or present.trivial):
        return rows
    return [row for row in rows if row.day != today] + [
        replace(
            there.get(severity, DayRecord(day=today, severity=severity)),
            open=getattr(present, severity),
        )
        for severity in Severity
    ]
