"""The latest outcomes in SQL."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.domain.model import Pair
from stt_coordinator.store.sql.counts import KeptCounts
from stt_coordinator.store.sql.rows import Columns, listed, packed, unpacked
from stt_coordinator.store.sql.statements import Connection, Statements, queries
from stt_shared.protocol.messages import PartNotChecked, TargetPart


class SqlOutcomes(Statements):
    """OutcomeLedger in SQL."""

    sql = queries("outcomes")

    def __init__(self, connection: Connection, kept: KeptCounts) -> None:
        super().__init__(connection)
        self._kept = kept

    def of_targets(self, targets: Iterable[str]) -> list[Pair]:
        return self._all(Pair, "of_targets", targets=listed(targets))

    def put(self, pairs: Iterable[Pair]) -> None:
        rows = list(pairs)
        self._kept.touch_outcomes(row.target for row in rows)
        self._each("put", map(columns, rows))

    def never_run(self, limit: int, targets: Iterable[str] = ()) -> list[tuple[str, int]]:
        self._kept.recount()
        return self._run("never_run", limit=limit, targets=listed(targets)).fetchall()

    def forget(self, targets: Iterable[str]) -> None:
        left = list(targets)
        self._kept.touch_outcomes(left)
        self._run("forget", targets=listed(left))

    def current(self, after: tuple[str, str], limit: int) -> list[Pair]:
        target, check = after
        return self._all(Pair, "current", target=target, check_name=check, limit=limit)

    def parts_not_checked(self, targets: Iterable[str], limit: int) -> list[TargetPart]:
        found = self._run("parts_not_checked", targets=listed(targets), limit=limit)
        return [_part(target, part) for target, part in found]

    def parts_of_check(self, check: str, limit: int) -> list[TargetPart]:
        found = self._run("parts_of_check", check_name=check, limit=limit)
        return [_part(target, part) for target, part in found]


def _part(target: str, data: str) -> TargetPart:
    return TargetPart(target=target, part=unpacked(PartNotChecked, data.encode()))


def columns(pair: Pair) -> Columns:
    """The columns of an outcome."""
    return {
        "target": pair.target,
        "check_name": pair.check,
        "site": pair.site,
        "outcome": str(pair.outcome),
        "kind": str(pair.kind or ""),
        "parts": listed(pair.parts_not_checked) if pair.parts_not_checked else "",
        "data": packed(pair),
    }
