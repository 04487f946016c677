"""The port of suppressions: what people accepted, or rated otherwise, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol

from stt_coordinator.store.ports.runs import Place
from stt_shared.protocol.suppressions import SuppressionRecord


class SuppressionLedger(Protocol):
    """Suppressions by their id; they are never deleted, because auditors ask for past ones.

    The recorded state of one is `domain.suppression.state_of`: live, ended or revoked.
    """

    def get(self, id_: str) -> SuppressionRecord | None:
        """The suppression of that id, or None."""
        ...

    def put(self, suppressions: Iterable[SuppressionRecord]) -> None:
        """Insert or replace."""
        ...

    def with_prefix(self, prefix: str, limit: int) -> list[SuppressionRecord]:
        """Suppressions whose id begins with `prefix` (plain text, no pattern), by id."""
        ...

    def live(self, targets: Iterable[str] | None = None) -> list[SuppressionRecord]:
        """Live ones by id: all, or those that name one of `targets` or no target at all."""
        ...

    def page(
        self, state: str, offset: int, limit: int, before: Place | None = None
    ) -> tuple[list[SuppressionRecord], int]:
        """A page by creation, then id, descending; and the number of all in that state.

        `state` is a recorded state or `all`. The page begins after `before`, then `offset`.
        """
        ...

    def due(self, now: datetime, limit: int) -> list[SuppressionRecord]:
        """Live ones with `domain.suppression.due_of` <= `now`, earliest first, then by id."""
        ...

    def next_end(self) -> date | None:
        """The earliest last day of the live ones that accept (have no severity of their own)."""
        ...
