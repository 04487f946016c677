"""The faults of a suppression that need no store to be found: its texts, days and scope."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol.suppressions import SuppressionEntry

MAX_AHEAD = timedelta(days=400)  # the last day of a suppression, from today
MAX_TEXT = 500  # characters of who and why


def shape_faults(one: SuppressionEntry, now: datetime) -> list[str]:
    """A sentence for each fault of an entry; empty if it has none."""
    return [*_texts(one), *_days(one, now), *_shape(one)]


def last_day(now: datetime) -> date:
    """The latest last day of a suppression that is made at `now`."""
    return (now.astimezone(UTC) + MAX_AHEAD).date()


def _texts(one: SuppressionEntry) -> Iterator[str]:
    if not is_token(one.id):
        yield f"the id {one.id!r:.100} is not {TOKEN_RULE}"
    if not one.reason.strip():
        yield "the reason is empty"
    for name, text in (("reason", one.reason), ("name of the requester", one.by)):
        if len(text) > MAX_TEXT:
            yield f"the {name} has {len(text)} characters, the limit is {MAX_TEXT}"


def _days(one: SuppressionEntry, now: datetime) -> Iterator[str]:
    today = now.astimezone(UTC).date()
    if one.until is None:
        if one.severity is None:
            yield "the last day is missing"
    elif one.until < today:
        yield f"the last day {one.until} is past, today is {today} (UTC)"
    elif one.until > last_day(now):
        yield (
            f"the last day {one.until} is more than {MAX_AHEAD.days} days ahead,"
            f" the latest is {last_day(now)}"
        )


def _shape(one: SuppressionEntry) -> Iterator[str]:
    places = {"target": one.target, "label": one.label, "site": one.site}
    given = [name for name, value in places.items() if value]
    if one.severity is not None:
        if one.finding or given != ["site"] or not one.check:
            yield "another severity is for a check at a site, and nothing else"
    elif one.finding:
        if set(given) - {"target"}:
            yield f"a finding and a {given[-1]} are given, one of them is enough"
    elif not one.check:
        yield "name a finding, or a check and a target, a label or a site"
    elif not given:
        yield f"name a target, a label or a site for check {one.check!r:.100}"
    elif len(given) > 1:
        yield f"a {' and a '.join(given)} are given, one of them is enough"
    if one.label and not all(one.label.partition("=")[:2]):
        yield f"the label {one.label!r:.100} is not key=value"
