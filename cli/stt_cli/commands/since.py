"""Parses times as people type them: `yesterday`, `24h`, `2026-11-02`, and dates ahead: `30d`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from stt_shared.errors import UsageError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_UNITS["w"] = timedelta(days=7)
_LENGTH = re.compile(r"([0-9]{1,5})([mhdw])")
_AHEAD = re.compile(r"([0-9]{1,5})([dw])")
UNTIL_HINT = "examples: 2026-12-31, 30d, 8w"
FIRST_YEAR = 1900  # no message holds an earlier instant
HINT = "examples: yesterday, today, 90m, 24h, 7d, 2w, 2026-11-02, 2026-11-02T16:00:00Z"


def parse_since(text: str, now: datetime) -> datetime:
    """The instant that `text` means at `now`; days begin at midnight UTC.

    Raises UsageError for any other text and for an instant in the future.
    """
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    if text in ("today", "yesterday"):
        found = midnight - timedelta(days=text == "yesterday")
    elif match := _LENGTH.fullmatch(text):
        found = now - int(match[1]) * _UNITS[match[2]]
    else:
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise UsageError(f"--since is {text!r}, expected a time", hint=HINT) from error
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found.year < FIRST_YEAR:  # and before 1 AD an instant has no text
        what = f"--since is {text!r}, expected a time from {FIRST_YEAR} on"
        raise UsageError(what, hint=HINT)
    if found > now:
        raise UsageError(f"--since is {text!r}, expected a time in the past", hint=HINT)
    return found


def parse_until(text: str, now: datetime) -> date:
    """The date that `text` means at `now`: a date, or a number of days or weeks ahead (UTC).

    Raises UsageError for any other text; the coordinator checks the date against its limits.
    """
    match = _AHEAD.fullmatch(text)
    today = now.astimezone(UTC).date()
    try:
        if match is not None:
            return today + int(match[1]) * _UNITS[match[2]]
        return date.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--until is {text!r}, expected a date", hint=UNTIL_HINT) from error
