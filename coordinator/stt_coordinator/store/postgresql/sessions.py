"""Sessions of a store: each has a thread of its own, and is made anew after it broke."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen

from stt_shared import clock

T = TypeVar("T")
TRIES = 3  # of a transaction that PostgreSQL gave up, or whose session broke before its commit
WATCH_S = 1.0  # between two looks for transactions that hang
CLOSE_S = 5.0  # that transactions under way have to end when the store is closed
_GIVEN_UP = (errors.DeadlockDetected, errors.SerializationFailure)


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection that notes since when it waits for the server, and its slot for sums."""

    waits_since: float | None = None
    slot: int = 0
    mark = ""  # random, by which the server tells it from other sessions

    def ready(self) -> None:
        """Prepare it for a transaction that is about to begin; raises as a transaction does."""

    def wait(self, gen: PQGen[RV], *given: Any, **named: Any) -> RV:
        self.waits_since = clock.monotonic()
        try:
            return super().wait(gen, *given, **named)
        finally:
            self.waits_since = None


class CommitUnknownError(psycopg.OperationalError):
    """The session broke during a commit: whether the transaction was kept is unknown."""


class Sessions:
    """Runs whole transactions, each in the thread of its session.

    A session whose server does not answer a statement for `hung_s` seconds is cut.
    """

    def __init__(self, connect: Callable[[], Session], size: int, *, hung_s: float) -> None:
        self._connect = connect
        self.hung_s = hung_s
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="store-postgresql")
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._busy: set[Session] = set()  # those that run a transaction
        self._open: set[Session] = set()
        self._cut: set[Session] = set()
        self._watch: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction; raises psycopg.Error and what `work` raises."""
        loop, context = asyncio.get_running_loop(), copy_context()
        if self._watch is None:
            self._look(loop)
        done = loop.run_in_executor(self._threads, lambda: context.run(self._repeated, work))
        # Looked at here as well: nobody else does if the caller is cancelled.
        done.add_done_callback(lambda one: one.cancelled() or one.exception())
        # Shielded: a cancelled caller must not drop a transaction that waits for its turn.
        return await asyncio.shield(done)

    def _repeated(self, work: Callable[[Session], T]) -> T:
        for _ in range(TRIES - 1):
            session = self._session()
            try:
                return self._once(session, work)
            except CommitUnknownError:
                raise  # repeated, it might be done twice
            except _GIVEN_UP:
                continue  # nothing of it was kept
            except psycopg.OperationalError:
                # An idle session may have been ended long ago; but one that hung hangs again.
                if not session.closed or session in self._cut:
                    raise
        return self._once(self._session(), work)

    def _once(self, session: Session, work: Callable[[Session], T]) -> T:
        with self._lock:
            self._busy.add(session)
        try:
            # Among the busy ones: it may wait for the server as well.
            session.ready()
            found = work(session)
            try:
                session.commit()
            except _GIVEN_UP:
                raise
            except psycopg.OperationalError as error:
                raise CommitUnknownError(
                    f"the connection broke during a commit: {error}"
                ) from error
        except BaseException:
            with suppress(psycopg.Error):
                session.rollback()
            raise
        finally:
            with self._lock:
                self._busy.discard(session)
        return found

    def _session(self) -> Session:
        """The session of this thread; raises psycopg.Error if it cannot be made."""
        session: Session | None = getattr(self._of_thread, "session", None)
        if session is not None and not session.closed:
            return session
        made = self._connect()
        with self._lock:
            if session is not None:
                self._open.discard(session)
                self._cut.discard(session)
            self._open.add(made)
        self._of_thread.session = made
        return made

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        # Not by the age of the transaction: many quick statements may take longer.
        oldest = clock.monotonic() - self.hung_s
        self._cut_those(lambda one: one.waits_since is not None and one.waits_since <= oldest)
        self._watch = loop.call_later(WATCH_S, self._look, loop)

    def _cut_those(self, chosen: Callable[[Session], bool]) -> None:
        """Break the busy sessions that are chosen.

        Their threads wait for an answer that may never come, and get an error at once.
        """
        # Under the lock: a session that ends meanwhile may leave its descriptor to another one.
        with self._lock:
            for session in filter(chosen, self._busy):
                self._cut.add(session)
                with suppress(OSError, psycopg.Error):
                    _shut(session.fileno())

    async def close(self) -> None:
        """Close the sessions after the transactions that came before; those that hang are cut."""
        if self._watch is not None:
            self._watch.cancel()
        ended = asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        finished, _ = await asyncio.wait({ended}, timeout=CLOSE_S)
        while not finished:
            # Again and again: the next transaction in the queue may hang as well.
            self._cut_those(lambda _: True)
            finished, _ = await asyncio.wait({ended}, timeout=WATCH_S)
        for session in self._open:
            session.close()


def _shut(descriptor: int) -> None:
    # A duplicate: closing the socket object must not close the descriptor of libpq.
    with socket.socket(fileno=os.dup(descriptor)) as one:
        one.shutdown(socket.SHUT_RDWR)
