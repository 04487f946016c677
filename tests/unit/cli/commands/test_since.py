"""Times as people type them; what cannot be read is refused with examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from stt_cli.commands.since import parse_since
from stt_shared.errors import UsageError

NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("today", datetime(2026, 11, 23, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 22, tzinfo=UTC)),
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-11-02", datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-11-02T16:00:00Z", datetime(2026, 11, 2, 16, tzinfo=UTC)),
        ("2026-11-02T16:00:00+05:00", datetime(2026, 11, 2, 11, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, at: datetime) -> None:
    assert parse_since(text, NOW) == at


def test_yesterday_begins_at_midnight_utc_wherever_the_reader_is() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=10)))
    assert parse_since("yesterday", there) == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "24", "-3h", "3 h", "99999999999d", "2027-01-01"),
        *("99999w", "0001-01-01T00:00:00+14:00", "1899-12-31"),
    ],
)
def test_what_names_no_past_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_since(text, NOW)
    assert "yesterday" in caught.value.hint
