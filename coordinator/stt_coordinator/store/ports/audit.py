"""The port of the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from stt_shared.protocol.audit import AuditEntry


class AuditLedger(Protocol):
    """Who did what; each entry has a position > 0 that rises and is never given twice."""

    def add(self, entries: Iterable[AuditEntry]) -> None:
        """Append."""
        ...

    def newest(self, before: int | None, limit: int) -> list[tuple[int, AuditEntry]]:
        """Entries with their positions, descending: those below `before`, None: all."""
        ...
