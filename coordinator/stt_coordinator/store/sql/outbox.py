"""The outbox in SQL."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.ports.outbox import OutboxEntry
from stt_coordinator.store.sql.rows import listed
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.bus.values import Outgoing


class SqlOutbox(Statements):
    """OutboxLedger in SQL."""

    sql = queries("outbox")

    def add(self, messages: Iterable[Outgoing]) -> None:
        self._each(
            "add",
            ({"subject": m.subject, "message_id": m.message_id, "data": m.data} for m in messages),
        )

    def oldest(self, limit: int) -> list[OutboxEntry]:
        return [
            OutboxEntry(
                position=position,
                message=Outgoing(subject=subject, message_id=message_id, data=data),
            )
            for position, subject, message_id, data in self._run("oldest", limit=limit)
        ]

    def drop(self, positions: Iterable[int]) -> None:
        self._run("drop", positions=listed(positions))
