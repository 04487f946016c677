"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.outbox import OutboxEntry
from stt_shared.bus.values import Outgoing


class MemoryOutbox(Rows):
    """OutboxLedger in memory."""

    def add(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._t.last_outbox += 1
            self._t.outbox[self._t.last_outbox] = message

    def oldest(self, limit: int) -> list[OutboxEntry]:
        oldest = list(self._t.outbox.items())[:limit]
        return [OutboxEntry(position=position, message=message) for position, message in oldest]

    def drop(self, positions: Iterable[int]) -> None:
        for position in positions:
            self._t.outbox.pop(position, None)
