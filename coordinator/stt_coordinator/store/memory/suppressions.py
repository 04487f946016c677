"""Suppressions in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from stt_coordinator.domain.suppression import due_of
from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.runs import Place
from stt_shared import clock
from stt_shared.protocol.suppressions import SuppressionRecord
from stt_shared.suppression.rule import state_of


class MemorySuppressions(Rows):
    """SuppressionLedger in memory."""

    def get(self, id_: str) -> SuppressionRecord | None:
        return self._t.suppressions.get(id_)

    def put(self, suppressions: Iterable[SuppressionRecord]) -> None:
        self._t.suppressions.update((one.id, one) for one in suppressions)

    def with_prefix(self, prefix: str, limit: int) -> list[SuppressionRecord]:
        ids = sorted(id_ for id_ in self._t.suppressions if id_.startswith(prefix))
        return [self._t.suppressions[id_] for id_ in ids[:limit]]

    def live(self, targets: Iterable[str] | None = None) -> list[SuppressionRecord]:
        every = (one for _, one in sorted(self._t.suppressions.items()))
        live = [one for one in every if state_of(one) == "live"]
        if targets is None:
            return live
        among = {"", *targets}
        return [one for one in live if one.target in among]

    def page(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[SuppressionRecord], int]:
        every = self._t.suppressions.values()
        found = [one for one in every if state in ("all", state_of(one))]
        found.sort(key=lambda one: (one.created, one.id), reverse=True)
        rest = [
            one for one in found if before is None or (clock.to_text(one.created), one.id) < before
        ]
        return rest[offset : offset + limit], len(found)

    def due(self, now: datetime, limit: int) -> list[SuppressionRecord]:
        dues = ((due_of(one), one) for one in self.live())  # by id, as a stable sort keeps it
        found = [(due, one) for due, one in dues if due is not None and due <= now]
        return [one for _, one in sorted(found, key=lambda entry: entry[0])][:limit]

    def next_end(self) -> date | None:
        live = (one for one in self.live() if one.severity is None)
        return min((one.until for one in live if one.until is not None), default=None)
