"""Sessions of the page and failed log-ins, in the store: they count at every coordinator."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TypeVar

from stt_coordinator.store.port import Ledger, Store, StoreDeposedError, StoreError
from stt_coordinator.store.ports.access import MAX_FAILURES, MAX_SESSIONS, StoredSession
from stt_coordinator.tasks.troubles import Troubles
from stt_shared import clock
from stt_shared.telemetry.logs import logger

T = TypeVar("T")
SESSION = timedelta(hours=12)  # from the log-in on, used or not
WINDOW = timedelta(minutes=1)
# How far the clock of another coordinator may be ahead: what is later still is not from a clock
# that was right, and must neither lock out nor let in for years.
AHEAD = WINDOW
MAX_OF_ORIGIN = 5  # failures in WINDOW
MAX_IN_ALL = MAX_FAILURES  # failures in WINDOW, of all origins
ID_BYTES = 32
KEY_BYTES = 32
TASK = "log-ins"
STORE_S = 3.0  # for the store to answer, before a log-in counts at this coordinator alone
ALONE = "log-ins and log-outs count at this coordinator alone, the store cannot be written"
_LOG = logger("log-in")


@dataclass(slots=True)
class _Memory:
    """What could not be written into the store: it counts at this coordinator alone."""

    sessions: dict[str, StoredSession] = field(default_factory=dict[str, StoredSession])
    ended: dict[str, None] = field(default_factory=dict[str, None])  # by digest, oldest first
    failures: deque[tuple[datetime, str]] = field(
        default_factory=lambda: deque[tuple[datetime, str]](maxlen=MAX_FAILURES)
    )
    form_key: str = ""

    def begin(self, session: StoredSession) -> None:
        """Keep a session; the oldest above MAX_SESSIONS make room."""
        self.sessions[session.digest] = session
        if len(self.sessions) > MAX_SESSIONS:
            del self.sessions[next(iter(self.sessions))]

    def end(self, digest: str) -> None:
        """Let nobody in with this session; the store still has it, and is to lose it later."""
        self.ended[digest] = None
        if len(self.ended) > MAX_SESSIONS:
            del self.ended[next(iter(self.ended))]


@dataclass(frozen=True, slots=True)
class Entry:
    """What came of a log-in: the id of a session, or seconds to wait, or neither: it failed."""

    session: str = ""
    wait_s: int = 0


class LogIns:
    """The log-ins of one store, or of this coordinator while the store cannot be written."""

    def __init__(self, store: Store, troubles: Troubles | None = None) -> None:
        self._store = store
        self._troubles = troubles or Troubles()
        self._memory = _Memory()
        self._seen: dict[str, str] = {}  # holders of sessions by digest, as last read

    async def enter(self, origin: str, holder: str | None, now: datetime) -> Entry:
        """Begin a session for the token with the digest `holder`.

        None: an unknown token, which counts as a failure of `origin`. After too many failures
        nobody of `origin` gets in, whatever the token.
        """
        # Read first: who has to wait must not keep the writers of the store waiting.
        if wait_s := await self.wait_s(origin, now):
            return Entry(wait_s=wait_s)
        id_ = secrets.token_urlsafe(ID_BYTES)
        session = StoredSession(_digest(id_), holder or "", now + SESSION)
        own = tuple(self._memory.failures)

        # Counted and inserted in one transaction: of many attempts at once each would see the
        # failures before all of them.
        def record(ledger: Ledger) -> int:
            wait_s = _wait_s((*ledger.access.failures(now - WINDOW), *own), origin, now)
            if not wait_s and holder is None:
                ledger.access.add_failure(now, origin)
            elif not wait_s:
                ledger.access.add_session(session, now)
            return wait_s

        def remember() -> int:
            wait_s = _wait_s(self._memory.failures, origin, now)
            if not wait_s and holder is None:
                self._memory.failures.append((now, origin))
            elif not wait_s:
                self._memory.begin(session)
            return wait_s

        wait_s = await self._write(record, remember)
        return Entry(session="" if wait_s or holder is None else id_, wait_s=wait_s)

    async def holder(self, id_: str, now: datetime) -> str | None:
        """The digest of the token of the session; None if it has ended or is unknown.

        Raises StoreError.
        """
        digest = _digest(id_)
        if digest in self._memory.ended:
            return None  # the store has it still
        found = self._memory.sessions.get(digest)
        if found is None:
            found = await self._store.read(lambda ledger: ledger.access.session(digest))
        self._seen.pop(digest, None)
        # One that ends later than a session lasts began at a time that was not yet.
        if found is None or not now < found.ends <= now + SESSION + AHEAD:
            return None
        self._seen[digest] = found.holder
        if len(self._seen) > MAX_SESSIONS:
            del self._seen[next(iter(self._seen))]
        return found.holder

    def seen(self, id_: str) -> str | None:
        """As `holder` when it was called last here: enough to name somebody, not to let in."""
        return self._seen.get(_digest(id_))

    async def end(self, id_: str) -> None:
        """End the session, at every coordinator once the store can be written."""
        digest = _digest(id_)
        self._seen.pop(digest, None)
        is_here = self._memory.sessions.pop(digest, None) is not None
        # Read first: whoever invents ids must not keep the writers of the store waiting.
        if is_here or await self._may_be_stored(digest):
            await self._write(
                lambda ledger: ledger.access.drop_session(digest), lambda: self._memory.end(digest)
            )

    async def _may_be_stored(self, digest: str) -> bool:
        try:
            async with asyncio.timeout(STORE_S):
                found = await self._store.read(lambda ledger: ledger.access.session(digest))
        except (StoreError, TimeoutError):
            return True
        return found is not None

    async def wait_s(self, origin: str, now: datetime) -> int:
        """Seconds before `origin` may try again; 0: now."""
        stored: list[tuple[datetime, str]] = []
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(STORE_S):
                stored = await self._store.read(lambda ledger: ledger.access.failures(now - WINDOW))
        return _wait_s((*stored, *self._memory.failures), origin, now)

    async def form_key(self) -> str:
        """The key that signs the tokens of forms, the same at every coordinator.

        One of this coordinator if the store has none and cannot be written. Raises StoreError if
        the store cannot be read.
        """
        key = await self._store.read(lambda ledger: ledger.access.form_key())
        return key or await self._write(partial(_kept_key, self._own_key), self._own_key)

    async def keep(self) -> str:
        """Write what is in memory alone into the store, if that works by now.

        Returns the key of forms; empty if there was nothing to write.
        """
        memory = self._memory
        if not (self._troubles.has(TASK) or memory.sessions or memory.ended or memory.form_key):
            return ""
        sessions = tuple(memory.sessions.values())

        def record(ledger: Ledger) -> str:
            for one in sessions:
                # It may be there: a transaction without an answer in time may have been committed.
                if ledger.access.session(one.digest) is None:
                    ledger.access.add_session(one, clock.now())
            return _kept_key(self._own_key, ledger)

        key = await self._write(record, str)
        if key:
            memory.form_key = ""
            for one in sessions:
                memory.sessions.pop(one.digest, None)
        return key

    def _own_key(self) -> str:
        self._memory.form_key = self._memory.form_key or secrets.token_hex(KEY_BYTES)
        return self._memory.form_key

    async def _write(self, record: Callable[[Ledger], T], remember: Callable[[], T]) -> T:
        """What `record` returns in a transaction; `remember` while the store cannot be written."""
        ended = tuple(self._memory.ended)

        def both(ledger: Ledger) -> T:
            found = record(ledger)
            for digest in ended:
                ledger.access.drop_session(digest)
            return found

        try:
            async with asyncio.timeout(STORE_S):
                found = await self._store.transact(both)
        except StoreDeposedError:
            raise  # this coordinator ends its work, and its memory with it
        except (StoreError, TimeoutError) as error:
            why = error.message if isinstance(error, StoreError) else f"no answer in {STORE_S:g} s"
            sentence = f"{ALONE}: {why}"
            if not self._troubles.has(TASK):
                _LOG.warning("feature_degraded", what=sentence)
            self._troubles.report(TASK, sentence)
            return remember()
        self._troubles.resolve(TASK)
        for digest in ended:
            self._memory.ended.pop(digest, None)
        return found


def _wait_s(found: Iterable[tuple[datetime, str]], origin: str, now: datetime) -> int:
    """Seconds before `origin` may try again after these failures; 0: now."""
    every = sorted((one for one in found if now - WINDOW < one[0] <= now + AHEAD), key=_at)
    own = [at for at, one in every if one == origin]
    until: datetime | None = None
    if len(own) >= MAX_OF_ORIGIN:
        until = own[-MAX_OF_ORIGIN] + WINDOW
    elif len(every) >= MAX_IN_ALL:
        until = every[-MAX_IN_ALL][0] + WINDOW
    return max(1, math.ceil((until - now).total_seconds())) if until else 0


def _at(failure: tuple[datetime, str]) -> datetime:
    return failure[0]


def _kept_key(make: Callable[[], str], ledger: Ledger) -> str:
    # Read again in this transaction: of two coordinators that start at once one makes the key.
    key = ledger.access.form_key()
    if not key:
        key = make()
        ledger.access.put_form_key(key)
    return key


def _digest(id_: str) -> str:
    return sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()
