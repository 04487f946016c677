"""What is current in the in-memory store: without gone targets and without disabled checks."""

from __future__ import annotations

import msgspec

from stt_coordinator.domain.model import Pair
from stt_coordinator.store.memory.tables import Tables
from stt_shared.protocol.enums import FindingState
from stt_shared.protocol.messages import PartNotChecked
from stt_shared.protocol.records import FindingRecord


def is_current(t: Tables, target: str, check: str) -> bool:
    """Whether the target is not gone, and the check known and enabled."""
    row, info = t.targets.get(target), t.checks.get(check)
    return (row is None or not row.gone) and info is not None and info.enabled


def outcomes(t: Tables) -> list[Pair]:
    """The current outcomes."""
    return [one for key, one in t.pairs.items() if is_current(t, *key)]


def findings(t: Tables, *, accepted: bool = False) -> list[FindingRecord]:
    """The open findings, or the accepted ones."""
    return [
        one
        for one in t.findings.values()
        if one.state is not FindingState.RESOLVED
        and (one.accepted is not None) is accepted
        and is_current(t, one.target, one.check)
    ]


def gone_findings(t: Tables) -> list[FindingRecord]:
    """The findings of gone targets that are not resolved, accepted or not."""
    gone = {row.target for row in t.targets.values() if row.gone}
    on = {info.check for info in t.checks.values() if info.enabled}
    return [
        one
        for one in t.findings.values()
        if one.state is not FindingState.RESOLVED and one.target in gone and one.check in on
    ]


def parts(t: Tables) -> dict[tuple[str, str], tuple[Pair, PartNotChecked]]:
    """Databases not checked by target and name; of several reasons the least as JSON."""
    every = ((one, part) for one in outcomes(t) for part in one.parts_not_checked)
    last_first = sorted(every, key=lambda two: msgspec.json.encode(two[1]), reverse=True)
    found = {(one.target, part.name): (one, part) for one, part in last_first}
    return dict(sorted(found.items()))
