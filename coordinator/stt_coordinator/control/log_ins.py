"""Sessions of the page and failed log-ins, in the store: they count at every coordinator."""

from __future__ import annotations

import math
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.access import MAX_FAILURES, MAX_SESSIONS, StoredSession

SESSION = timedelta(hours=12)  # from the log-in on, used or not
WINDOW = timedelta(minutes=1)
MAX_OF_ORIGIN = 5  # failures in WINDOW
MAX_IN_ALL = MAX_FAILURES  # failures in WINDOW, of all origins
ID_BYTES = 32
KEY_BYTES = 32


class LogIns:
    """The log-ins of one store; each method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, str] = {}  # holders of sessions by digest, as last read

    async def begin(self, holder: str, now: datetime) -> str:
        """The id of a new session for the token with the digest `holder`."""
        id_ = secrets.token_urlsafe(ID_BYTES)
        session = StoredSession(_digest(id_), holder, now + SESSION)
        await self._store.transact(lambda ledger: ledger.access.add_session(session, now))
        return id_

    async def holder(self, id_: str, now: datetime) -> str | None:
        """The digest of the token of the session; None if it has ended or is unknown."""
        digest = _digest(id_)
        found = await self._store.read(lambda ledger: ledger.access.session(digest))
        self._seen.pop(digest, None)
        if found is None or found.ends <= now:
            return None
        self._seen[digest] = found.holder
        if len(self._seen) > MAX_SESSIONS:
            del self._seen[next(iter(self._seen))]
        return found.holder

    def seen(self, id_: str) -> str | None:
        """As `holder` when it was called last here: enough to name somebody, not to let in."""
        return self._seen.get(_digest(id_))

    async def end(self, id_: str) -> None:
        """End the session, at every coordinator."""
        digest = _digest(id_)
        self._seen.pop(digest, None)
        await self._store.transact(lambda ledger: ledger.access.drop_session(digest))

    async def wait_s(self, origin: str, now: datetime) -> int:
        """Seconds before `origin` may try again; 0: now."""
        failures = await self._store.read(lambda ledger: ledger.access.failures(now - WINDOW))
        own = [at for at, one in failures if one == origin]
        until: datetime | None = None
        if len(own) >= MAX_OF_ORIGIN:
            until = own[-MAX_OF_ORIGIN] + WINDOW
        elif len(failures) >= MAX_IN_ALL:
            until = failures[0][0] + WINDOW
        return max(1, math.ceil((until - now).total_seconds())) if until else 0

    async def failed(self, origin: str, now: datetime) -> None:
        """Count a failure of `origin`."""
        await self._store.transact(lambda ledger: ledger.access.add_failure(now, origin))

    async def form_key(self) -> str:
        """The key that signs the tokens of forms, the same at every coordinator."""
        key = await self._store.read(lambda ledger: ledger.access.form_key())
        return key or await self._store.transact(_kept_key)


def _kept_key(ledger: Ledger) -> str:
    # Read again in this transaction: of two coordinators that start at once one makes the key.
    key = ledger.access.form_key()
    if not key:
        key = secrets.token_hex(KEY_BYTES)
        ledger.access.put_form_key(key)
    return key


def _digest(id_: str) -> str:
    return sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()
