"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.outbox import OutboxRow
from stt_shared.bus.values import Outgoing


class MemoryOutbox(Rows):
    """See the port."""

    def add(self, messages: Iterable[Outgoing]) -> None:
        """See the port."""
        for message in messages:
            self._t.left += 1
            self._t.outbox[self._t.left] = message

    def oldest(self, limit: int) -> list[OutboxRow]:
        """See the port."""
        oldest = list(self._t.outbox.items())[:limit]
        return [OutboxRow(position=position, message=message) for position, message in oldest]

    def drop(self, positions: Iterable[int]) -> None:
        """See the port."""
        for position in positions:
            self._t.outbox.pop(position, None)
