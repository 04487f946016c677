"""The port of what lets people in: sessions of the page, failed log-ins, the key of its forms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MAX_SESSIONS = 1_000  # then the oldest makes room
MAX_FAILURES = 60  # of log-ins; the newest are kept


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session of the page: the digest of its id, and that of the token it began with."""

    digest: str
    holder: str
    ends: datetime


class AccessLedger(Protocol):
    """What every coordinator of one store has to know of who may use the page."""

    def session(self, digest: str) -> StoredSession | None:
        """The session with the id of that digest, ended or not; None: unknown."""
        ...

    def add_session(self, session: StoredSession, now: datetime) -> None:
        """Insert a session with a new digest.

        Those that have ended at `now` are deleted, and the oldest above MAX_SESSIONS.
        """
        ...

    def drop_session(self, digest: str) -> None:
        """Delete a session; an unknown one is ignored."""
        ...

    def failures(self, since: datetime) -> list[tuple[datetime, str]]:
        """The failed log-ins after `since`: when and from where, as they were inserted."""
        ...

    def add_failure(self, at: datetime, origin: str) -> None:
        """Insert a failed log-in; only the newest MAX_FAILURES are kept."""
        ...

    def form_key(self) -> str:
        """The key that signs the tokens of forms; empty: none was put yet."""
        ...

    def put_form_key(self, key: str) -> None:
        """Insert or replace the key."""
        ...
