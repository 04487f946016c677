"""An instant in the past as people type it: `yesterday`, `24h`, `7d`, `2026-11-02`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from stt_shared.errors import UsageError

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_UNITS["w"] = timedelta(days=7)
_LENGTH = re.compile(r"([0-9]{1,5})([mhdw])")
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
