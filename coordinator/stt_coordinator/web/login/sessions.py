"""Sessions of the page, kept on the server: logging out ends a session for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from stt_coordinator.web.login.tokens import digest_of

SESSION = timedelta(hours=12)  # from the log-in on, used or not
MAX_SESSIONS = 1_000  # then the oldest makes room
ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class _Session:
    holder: str  # digest of the token that it began with
    ends: datetime


class Sessions:
    """Ids of sessions, as hashes, and the token that each stands for."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def begin(self, holder: str, now: datetime) -> str:
        """The id of a new session for the token with the digest `holder`."""
        self._sessions = {key: one for key, one in self._sessions.items() if one.ends > now}
        # The oldest goes: without the limit each log-in of a script would stay for hours.
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        id_ = secrets.token_urlsafe(ID_BYTES)
        self._sessions[digest_of(id_)] = _Session(holder, now + SESSION)
        return id_

    def holder(self, id_: str, now: datetime) -> str | None:
        """The digest of the token of the session; None if it has ended or is unknown."""
        found = self._sessions.get(digest_of(id_))
        return found.holder if found is not None and found.ends > now else None

    def end(self, id_: str) -> None:
        """End the session."""
        self._sessions.pop(digest_of(id_), None)
