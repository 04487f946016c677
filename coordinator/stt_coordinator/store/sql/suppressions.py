"""Suppressions in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from stt_coordinator.domain.suppression import due_of
from stt_coordinator.store.ports.runs import Place
from stt_coordinator.store.sql.rows import LAST_CHARACTER, Columns, listed, packed, text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import state_of


class SqlSuppressions(Statements):
    """SuppressionLedger in SQL."""

    sql = queries("suppressions")

    def get(self, id_: str) -> SuppressionRecord | None:
        return self._one(SuppressionRecord, "get", id=id_)

    def put(self, suppressions: Iterable[SuppressionRecord]) -> None:
        self._each("put", map(columns, suppressions))

    def with_prefix(self, prefix: str, limit: int) -> list[SuppressionRecord]:
        beyond = prefix + LAST_CHARACTER
        return self._all(
            SuppressionRecord, "with_prefix", prefix=prefix, beyond=beyond, limit=limit
        )

    def live(self, targets: Iterable[str] | None = None) -> list[SuppressionRecord]:
        if targets is None:
            return self._all(SuppressionRecord, "live")
        return self._all(SuppressionRecord, "live_of_targets", targets=listed(["", *targets]))

    def page(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[SuppressionRecord], int]:
        which, where = ("_all", {}) if state == "all" else ("", {"outcome": state})
        created, id_ = before or Place(LAST_CHARACTER, "")
        found = self._all(
            SuppressionRecord,
            f"page{which}",
            **where,
            created=created,
            id=id_,
            offset=offset,
            limit=limit,
        )
        return found, self._number(f"count{which}", **where)

    def due(self, now: datetime, limit: int) -> list[SuppressionRecord]:
        return self._all(SuppressionRecord, "due", now=text(now), limit=limit)

    def next_end(self) -> date | None:
        (found,) = self._run("next_end").fetchone()
        return None if found is None else date.fromisoformat(found)


def columns(one: SuppressionRecord) -> Columns:
    """The columns of a suppression."""
    state = state_of(one)
    return {
        "id": one.id,
        "live": state == "live",
        "outcome": state,
        "target": one.target,
        "accepts": one.severity is None,
        "until": one.until.isoformat() if one.until is not None else "",
        "due": text(due_of(one)),
        "created": text(one.created),
        "data": packed(one),
    }
