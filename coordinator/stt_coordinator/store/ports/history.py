"""The port of the history of findings, and of how far its readers are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol

import msgspec

from stt_shared.protocol.messages import Instant
from stt_shared.protocol.records import FindingEvent


class EventPlace(NamedTuple):
    """The place of an event by instant, then position; -1 is before every one of that instant."""

    at: Instant
    position: Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)]


class HistoryLedger(Protocol):
    """Events, each with a position > 0 that is never given twice.

    A position must become visible to readers only when every lower one is visible or will never
    be: a reader remembers the highest it has seen. Later events of a finding have higher positions.
    """

    def add(self, events: Iterable[FindingEvent]) -> None:
        """Append, and count the events on their days (see CountLedger.days and fixes)."""
        ...

    def of_finding(self, finding: str, limit: int) -> list[FindingEvent]:
        """The newest events of a finding, in ascending order of position."""
        ...

    def after(self, position: int, limit: int) -> list[tuple[int, FindingEvent]]:
        """Events with a higher position, ascending, each with its position."""
        ...

    def last_position(self) -> int:
        """The position of the newest event; 0 if there is none."""
        ...

    def since(self, since: datetime, offset: int, limit: int) -> tuple[list[FindingEvent], int]:
        """Events at or after `since` by instant, then position; and the number of all of them."""
        ...

    def page(self, beyond: EventPlace, offset: int, limit: int) -> list[tuple[int, FindingEvent]]:
        """Events strictly after `beyond` by instant, then position, each with its position."""
        ...

    def cursor(self, reader: str) -> int | None:
        """The position that a reader has reached; None: it never read."""
        ...

    def put_cursor(self, reader: str, position: int) -> None:
        """Insert or replace the position of a reader."""
        ...
