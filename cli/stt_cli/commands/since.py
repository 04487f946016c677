"""Times as people type them: `yesterday`, `24h` or `2026-11-02` ago, a day `30d` ahead."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from stt_shared.errors import UsageError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_UNITS["w"] = timedelta(days=7)
_LENGTH = re.compile(r"([0-9]{1,5})([mhdw])")
_AHEAD = re.compile(r"([0-9]{1,5})([dw])")
UNTIL_HINT = "examples: 2026-12-31, 30d, 8w"
HINT = "examples: yesterday, today, 90m, 24h, 7d, 2w, 2026-11-02, 2026-11-02T16:00:00Z"


def parse_since(text: str, now: datetime) -> datetime:
    """The instant `text` names, seen from `now`; days begin at midnight UTC.

    Raises UsageError for what names none, or one that lies ahead.
    """
    found = _relative(text, now) or _absolute(text)
    if found is None:
        raise UsageError(f"cannot read {text!r} as a time", hint=HINT)
    if found > now:
        raise UsageError(f"{text!r} lies in the future", hint=HINT)
    return found


def _relative(text: str, now: datetime) -> datetime | None:
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    if text in ("today", "yesterday"):
        return midnight - timedelta(days=text == "yesterday")
    match = _LENGTH.fullmatch(text)
    return now - int(match[1]) * _UNITS[match[2]] if match else None


def _absolute(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def parse_until(text: str, now: datetime) -> date:
    """The day `text` names, seen from `now`: a date, or so many days or weeks ahead (UTC).

    Raises UsageError for what names none; whether it may be one is the coordinator's to say.
    """
    match = _AHEAD.fullmatch(text)
    today = now.astimezone(UTC).date()
    try:
        if match is not None:
            return today + int(match[1]) * _UNITS[match[2]]
        return date.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"cannot read {text!r} as a day", hint=UNTIL_HINT) from error
