"""The names that the filters of a request mean: beginnings and labels looked up in the fleet."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stt_coordinator.control.check_names import check_names
from stt_coordinator.control.handler_context import ErrorCode, HandlerContext, request_error
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.queries.name_patterns import (
    ANY_END,
    LABEL_SIGN,
    has_labels,
    is_wanted,
    prefix_of,
)

TARGETS_AT_ONCE = 500  # read from the store
NOBODY = ("",)  # matches nothing: no target has an empty name


def with_names(
    context: HandlerContext, ledger: Ledger, request: FindingsRequest
) -> FindingsRequest:
    """The request with whole names only, of what exists.

    Raises RequestError for an unknown name, a beginning that no name has, and an unknown label: an
    empty list would look as if nothing were wrong.
    """
    targets = _targets(ledger, request.targets)
    if request.labels:
        labelled = _labelled(ledger, request.labels)
        # Of several filters each holds; an empty one would match everything.
        targets = tuple(sorted(labelled.intersection(targets or labelled))) or NOBODY
    return replace(
        request,
        targets=targets,
        sites=_sites(ledger, request.sites),
        checks=_checks(context, ledger, request.checks),
        labels=(),
    )


def _targets(ledger: Ledger, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if ANY_END in wanted:
        return ()
    known = ledger.fleet.targets(one for one in wanted if prefix_of(one) is None)
    found: dict[str, None] = {}
    for one in wanted:
        start = prefix_of(one)
        meant = [one] if start is None and one in known else _beginning(ledger, start)
        if not meant:
            what = _unknown(one, f"unknown target {one!r:.100}", "target")
            raise request_error(ErrorCode.UNKNOWN_TARGET, what)
        found.update(dict.fromkeys(meant))
    return tuple(found)


def _beginning(ledger: Ledger, start: str | None) -> list[str]:
    """The targets whose names begin with `start`, by name."""
    if start is None:
        return []
    found, after = list(ledger.fleet.targets([start])), start
    while page := ledger.fleet.targets_page(after, TARGETS_AT_ONCE):
        names = [row.target for row in page if row.target.startswith(start)]
        found.extend(names)
        if len(names) < len(page):
            break
        after = names[-1]
    return found


def _labelled(ledger: Ledger, wanted: tuple[str, ...]) -> set[str]:
    """The targets with the wanted labels; each label has to be of some target."""
    for one in wanted:
        if LABEL_SIGN not in one.strip(LABEL_SIGN):
            what = f"label is {one!r:.100}, expected key=value"
            raise request_error(ErrorCode.BAD_REQUEST, what)
    rows = ledger.fleet.all_targets()
    for one in wanted:
        if not any(has_labels(row.labels, [one]) for row in rows):
            raise request_error(ErrorCode.UNKNOWN_LABEL, f"no target has the label {one!r:.100}")
    return {row.target for row in rows if has_labels(row.labels, wanted)}


def _sites(ledger: Ledger, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted or ANY_END in wanted:
        return ()
    there = ledger.fleet.sites()
    for one in wanted:
        if not _any(there, one):
            what = f"no target is at site {one!r:.100}"
            raise request_error(ErrorCode.UNKNOWN_SITE, _unknown(one, what, "site"))
    return tuple(sorted(name for name in there if is_wanted(name, wanted)))


def _checks(context: HandlerContext, ledger: Ledger, wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted or ANY_END in wanted:
        return ()
    names = check_names(context, ledger)
    for one in wanted:
        left = FindingsRequest(checks=(one,), state="all", limit=1)
        # A check that is not known any more may have left findings behind.
        if not _any(names.there, one) and not ledger.findings.page(left)[1]:
            what = _unknown(one, names.unknown(one, prefers_name=True), "check")
            raise request_error(ErrorCode.UNKNOWN_CHECK, what)
    whole = {one for one in wanted if prefix_of(one) is None}
    return tuple(sorted(whole.union(name for name in names.there if is_wanted(name, wanted))))


def _any(there: Iterable[str], wanted: str) -> bool:
    return any(is_wanted(name, (wanted,)) for name in there)


def _unknown(wanted: str, whole: str, what: str) -> str:
    """The sentence for a name that nothing has: `whole`, or that nothing begins with it."""
    start = prefix_of(wanted)
    return whole if start is None else f"no {what} begins with {start!r:.100}"
