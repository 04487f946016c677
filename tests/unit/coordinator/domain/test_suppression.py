"""Exceptions: until when they hold, and what their changes publish."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from stt_coordinator.domain.suppression import REMIND, due_of, end_of, events_between
from stt_shared.protocol.enums import Change, FindingState, Severity
from stt_shared.protocol.records import FindingRecord
from stt_shared.suppression.shape import last_day
from tests.support.coordinator.coordination import NOW
from tests.support.shared.suppressions import DAY, TODAY, finding, suppression, suppressor_of


def test_it_ends_with_the_midnight_after_its_last_day() -> None:
    assert end_of(suppression(until=date(2026, 12, 1))) == datetime(2026, 12, 2, tzinfo=UTC)
    assert last_day(NOW) == TODAY + 400 * DAY


def test_the_reminder_comes_once_before_the_end_unless_it_was_made_for_less() -> None:
    long, short = suppression(), suppression(until=TODAY + 6 * DAY)
    end = end_of(long)
    assert end is not None
    assert due_of(long) == end - REMIND
    assert due_of(msgspec.structs.replace(long, reminded=NOW)) == end
    assert due_of(short) == end_of(short)
    assert due_of(suppression(until=None, severity=Severity.TRIVIAL)) is None


def changes(before: FindingRecord | None, after: FindingRecord) -> list[Change]:
    return [event.change for event in events_between(before, after, NOW)]


def test_a_change_by_an_exception_is_published_once_with_name_and_reason() -> None:
    bare = finding()
    kept = suppressor_of(suppression()).apply(bare)
    longer = suppressor_of(suppression(id="x_b", until=TODAY + 60 * DAY)).apply(bare)
    (event,) = events_between(bare, kept, NOW)
    assert (event.change, event.by, event.reason) == (Change.ACCEPTED, "ann", "proxy only")
    assert changes(None, kept) == [Change.ACCEPTED]
    assert changes(kept, kept) == []
    assert changes(kept, longer) == [Change.ACCEPTED]
    assert changes(kept, bare) == [Change.UNACCEPTED]
    gone = msgspec.structs.replace(bare, state=FindingState.RESOLVED)
    assert changes(kept, gone) == []
    lower = suppressor_of(suppression(target="", site="eu", severity=Severity.TRIVIAL)).apply(bare)
    assert changes(bare, lower) == changes(lower, bare) == [Change.CHANGED]
    assert changes(gone, lower) == []
