"""The in-memory store's latest outcomes as they count now, and the databases they left out."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.domain.model import Pair
from stt_coordinator.store.memory.tables import Tables
from stt_coordinator.store.rows import packed
from stt_shared.protocol.messages import PartNotChecked, TargetPart


class Rows:
    """What every part of the ledger works on."""

    def __init__(self, tables: Tables) -> None:
        self._t = tables


class Parts(Rows):
    """Pairs of target and check, and the databases that verdicts do not cover."""

    def is_current(self, target: str, check: str) -> bool:
        """Whether the target is there and the check switched on."""
        row, info = self._t.targets.get(target), self._t.checks.get(check)
        return row is not None and not row.gone and info is not None and info.enabled

    def current(self) -> list[Pair]:
        """The latest outcomes, without gone targets and switched-off checks."""
        return [one for key, one in self._t.pairs.items() if self.is_current(*key)]

    def parts(self) -> dict[tuple[str, str], tuple[Pair, PartNotChecked]]:
        """By target and name; of several reasons the one that is first as JSON stands."""
        every = ((one, part) for one in self.current() for part in one.parts_not_checked)
        last_first = sorted(every, key=lambda two: packed(two[1]), reverse=True)
        found = {(one.target, part.name): (one, part) for one, part in last_first}
        return dict(sorted(found.items()))

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        """See the port."""
        wanted = set(targets)
        found = [
            TargetPart(target=target, part=part)
            for (target, _), (_, part) in self.parts().items()
            if not wanted or target in wanted
        ]
        return found[:limit]

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        """See the port."""
        rows = (self._t.targets.get(one.target) for one in self._t.pairs.values())
        there = {row.target for row in rows if row is not None and not row.gone}
        found = [
            TargetPart(target=one.target, part=part)
            for one in self._t.pairs.values()
            for part in one.parts_not_checked
            if one.check == check and one.target in there
        ]
        return sorted(found, key=lambda one: (one.target, one.part.name))[:limit]
