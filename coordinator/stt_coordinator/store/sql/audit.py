"""The audit trail in SQL."""

from __future__ import annotations

from collections.abc import Iterable

from stt_coordinator.store.sql.rows import LAST_NUMBER, packed, text, unpacked
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared.protocol.audit import AuditEntry


class SqlAudit(Statements):
    """AuditLedger in SQL."""

    sql = queries("audit")

    def add(self, entries: Iterable[AuditEntry]) -> None:
        self._each("add", ({"at": text(e.at), "data": packed(e)} for e in entries))

    def newest(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        first = LAST_NUMBER if before is None else before
        found = self._run("newest", before=first, limit=limit)
        return [(position, unpacked(AuditEntry, data)) for position, data in found]
