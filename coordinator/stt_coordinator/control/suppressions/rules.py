"""The faults of a requested suppression, each a code and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property

from stt_coordinator.control.check_names import CheckNames
from stt_coordinator.control.handler_context import ErrorCode
from stt_coordinator.domain.model import TargetPlace
from stt_coordinator.store.port import Ledger
from stt_shared.protocol.suppressions import SuppressionEntry
from stt_shared.suppression.shape import shape_faults

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
    names: CheckNames, ledger: Ledger, one: SuppressionEntry, now: datetime, places: Places
) -> Iterator[Fault]:
    """The faults of an entry; names are looked up only if its shape has none."""
    wrong = shape_faults(one, now)
    yield from ((ErrorCode.BAD_REQUEST, sentence) for sentence in wrong)
    if not wrong:
        yield from _unknown(names, ledger, one, places)


def _unknown(
    names: CheckNames, ledger: Ledger, one: SuppressionEntry, places: Places
) -> Iterator[Fault]:
    """The unknown names of an entry: its suppression would apply to nothing, unnoticed."""
    if one.finding:
        if not ledger.findings.by_id([one.finding]):
            yield ErrorCode.UNKNOWN_FINDING, f"unknown finding {one.finding!r:.100}"
        return
    if one.check not in names.there:
        yield ErrorCode.UNKNOWN_CHECK, names.unknown(one.check)
    if one.target:
        if one.target not in ledger.fleet.targets([one.target]):
            yield ErrorCode.UNKNOWN_TARGET, f"unknown target {one.target!r:.100}"
        return
    if one.site and one.site not in places.sites:
        yield ErrorCode.UNKNOWN_SITE, f"no target is at site {one.site!r:.100}"
    if one.label and one.label not in places.labels:
        yield ErrorCode.UNKNOWN_LABEL, f"no target has the label {one.label!r:.100}"
