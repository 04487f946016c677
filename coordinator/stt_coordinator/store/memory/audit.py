"""The audit trail in memory."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.memory.tables import Rows
from stt_shared.protocol.audit import AuditEntry


class MemoryAudit(Rows):
    """AuditLedger in memory."""

    def add(self, entries: Iterable[AuditEntry]) -> None:
        for entry in entries:
            self._t.last_audit += 1
            self._t.audit[self._t.last_audit] = entry

    def newest(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        newest_first = sorted(self._t.audit.items(), reverse=True)
        return [one for one in newest_first if before is None or one[0] < before][:limit]
