"""When suppressions end, which were live at an instant, and the events of what they changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

import msgspec

from stt_shared.protocol.enums import Change, FindingState
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.protocol.suppressions import SuppressionRecord

REMIND = timedelta(days=7)  # before the end
_DAY = timedelta(days=1)


def end_of(one: SuppressionRecord) -> datetime | None:
    """The first instant after it: the midnight (UTC) that ends its last day; None: never."""
    if one.until is None:
        return None
    return datetime.combine(one.until + _DAY, time(), UTC)


def due_of(one: SuppressionRecord) -> datetime | None:
    """When something has to be done about a live one: the reminder, then the end; None: never.

    One that was made for less than REMIND needs no reminder.
    """
    end = end_of(one)
    if end is None or one.reminded is not None or end - REMIND <= one.created:
        return end
    return end - REMIND


def as_of(suppressions: Iterable[SuppressionRecord], at: datetime) -> list[SuppressionRecord]:
    """The suppressions that were live at `at`, as they were then."""
    return [
        msgspec.structs.replace(one, revoked=None, ended=None)
        for one in suppressions
        if one.created <= at
        and (one.revoked is None or at < one.revoked)
        and (one.ended is None or at < one.ended)
    ]


def events_between(
    before: FindingRecord | None,
    after: FindingRecord,
    at: datetime,
    *,
    run_id: str = "",
    by: str = "",
    reason: str = "",
) -> list[FindingEvent]:
    """The events of what suppressions changed between two states of a finding; none if resolved.

    `by` and `reason` are who and what ended an acceptance.
    """
    if after.state is FindingState.RESOLVED:
        return []
    event = FindingEvent(
        change=Change.CHANGED,
        at=at,
        run_id=run_id,
        after=after,
        before=before,
        by=by,
        reason=reason,
    )
    found: list[FindingEvent] = []
    there = before is not None and before.state is not FindingState.RESOLVED
    if there and before is not None and before.severity is not after.severity:
        found.append(event)
    was, now = before.accepted if before is not None else None, after.accepted
    if now is not None and now != was:
        made = msgspec.structs.replace(event, change=Change.ACCEPTED, by=now.by, reason=now.reason)
        found.append(made)
    elif now is None and was is not None:
        found.append(msgspec.structs.replace(event, change=Change.UNACCEPTED))
    return found
