"""The port of the outbox: messages that are still to be published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from stt_shared.bus.values import Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A message that is still to be published, with its position."""

    position: int
    message: Outgoing


class OutboxLedger(Protocol):
    """Messages in the order in which they were added; positions rise and are never given twice."""

    def add(self, messages: Iterable[Outgoing]) -> None:
        """Append; of a message its subject, message id and data are kept, nothing else."""
        ...

    def oldest(self, limit: int) -> list[OutboxEntry]:
        """The messages with the lowest positions, ascending."""
        ...

    def drop(self, positions: Iterable[int]) -> None:
        """Delete messages that were published; an unknown position is ignored."""
        ...
