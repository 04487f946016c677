"""Sessions, failed log-ins and the key of forms in SQL."""

from __future__ import annotations

from datetime import datetime

from stt_coordinator.store.ports.access import MAX_FAILURES, MAX_SESSIONS, StoredSession
from stt_coordinator.store.sql.rows import text
from stt_coordinator.store.sql.statements import Statements, queries
from stt_shared import clock


class SqlAccess(Statements):
    """AccessLedger in SQL."""

    sql = queries("access")

    def session(self, digest: str) -> StoredSession | None:
        found = self._run("session", digest=digest).fetchone()
        return None if found is None else StoredSession(digest, found[0], clock.from_text(found[1]))

    def add_session(self, session: StoredSession, now: datetime) -> None:
        self._run("drop_ended", now=text(now))
        ends = text(session.ends)
        self._run("add_session", digest=session.digest, holder=session.holder, ends=ends)
        self._run("drop_oldest", kept=MAX_SESSIONS)

    def drop_session(self, digest: str) -> None:
        self._run("drop_session", digest=digest)

    def failures(self, since: datetime) -> list[tuple[datetime, str]]:
        found = self._run("failures", since=text(since))
        return [(clock.from_text(at), str(origin)) for at, origin in found]

    def add_failure(self, at: datetime, origin: str) -> None:
        self._run("add_failure", at=text(at), origin=origin)
        self._run("drop_failures", kept=MAX_FAILURES)

    def form_key(self) -> str:
        found = self._run("form_key").fetchone()
        return "" if found is None else str(found[0])

    def put_form_key(self, key: str) -> None:
        self._run("put_form_key", form_key=key)
