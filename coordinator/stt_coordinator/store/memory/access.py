"""Sessions, failed log-ins and the key of forms in memory."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.memory.tables import Rows
from stt_coordinator.store.ports.access import MAX_FAILURES, MAX_SESSIONS, StoredSession


class MemoryAccess(Rows):
    """AccessLedger in memory."""

    def session(self, digest: str) -> StoredSession | None:
        return self._t.sessions.get(digest)

    def add_session(self, session: StoredSession, now: datetime) -> None:
        there = [one for one in self._t.sessions.values() if one.ends > now]
        kept = [*there, session][-MAX_SESSIONS:]
        self._t.sessions = {one.digest: one for one in kept}

    def drop_session(self, digest: str) -> None:
        self._t.sessions.pop(digest, None)

    def failures(self, since: datetime) -> list[tuple[datetime, str]]:
        return [one for one in self._t.failures if one[0] > since]

    def add_failure(self, at: datetime, origin: str) -> None:
        self._t.failures = [*self._t.failures, (at, origin)][-MAX_FAILURES:]

    def form_key(self) -> str:
        return self._t.form_key

    def put_form_key(self, key: str) -> None:
        self._t.form_key = key
