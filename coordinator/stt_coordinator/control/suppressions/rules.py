"""The faults of a requested suppression, each a code and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property

from stt_coordinator.control.handler_context import ErrorCode, HandlerContext
from stt_coordinator.domain.model import TargetPlace
from stt_coordinator.domain.suppression import MAX_AHEAD, last_day
from stt_coordinator.store.port import Ledger
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol.suppressions import SuppressionEntry

MAX_TEXT = 500  # characters of who and why
Fault = tuple[ErrorCode, str]


class Places:
    """Sites and labels of the present targets, read once for all entries of a file."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @cached_property
    def _there(self) -> list[TargetPlace]:
        return self._ledger.fleet.places()

    @cached_property
    def sites(self) -> frozenset[str]:
        """The sites of all targets."""
        return frozenset(row.site for row in self._there)

    @cached_property
    def labels(self) -> frozenset[str]:
        """The labels of all targets, as `key=value`."""
        return frozenset(f"{k}={v}" for row in self._there for k, v in row.labels.items())


def faults(
    context: HandlerContext, ledger: Ledger, one: SuppressionEntry, now: datetime, places: Places
) -> Iterator[Fault]:
    """The faults of an entry; names are looked up only if its shape has none."""
    shape = [*_texts(one), *_days(one, now), *_shape(one)]
    yield from ((ErrorCode.BAD_REQUEST, sentence) for sentence in shape)
    if not shape:
        yield from _names(context, ledger, one, places)


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


def _names(
    context: HandlerContext, ledger: Ledger, one: SuppressionEntry, places: Places
) -> Iterator[Fault]:
    """The unknown names of an entry: its suppression would apply to nothing, unnoticed."""
    if one.finding:
        if not ledger.findings.by_id([one.finding]):
            yield ErrorCode.UNKNOWN_FINDING, f"unknown finding {one.finding!r:.100}"
        return
    catalogue = context.library.catalogue
    if one.check not in catalogue.checks:
        close = catalogue.close_to(one.check)
        hint = f", did you mean {close!r}?" if close else ""
        yield ErrorCode.UNKNOWN_CHECK, f"unknown check {one.check!r:.100}{hint}"
    if one.target:
        if one.target not in ledger.fleet.targets([one.target]):
            yield ErrorCode.UNKNOWN_TARGET, f"unknown target {one.target!r:.100}"
        return
    if one.site and one.site not in places.sites:
        yield ErrorCode.UNKNOWN_SITE, f"no target is at site {one.site!r:.100}"
    if one.label and one.label not in places.labels:
        yield ErrorCode.UNKNOWN_LABEL, f"no target has the label {one.label!r:.100}"
