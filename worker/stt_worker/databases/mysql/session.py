"""One session with a MySQL server, from log-in to log-out, run in a thread."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pymysql import err

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts
from stt_worker.databases.bounds import bounded, too_many_bytes, too_many_rows, too_much_memory
from stt_worker.databases.guard import Guard
from stt_worker.databases.mysql import errors, opening
from stt_worker.databases.mysql.connection import QUERY, Connection
from stt_worker.databases.mysql.replies import TooManyPacketsError, TooMuchError
from stt_worker.databases.mysql.statement import statement
from stt_worker.databases.port import Answer, Choose, Failure, InspectionError, Limits
from stt_worker.databases.tls import error_behind

SQL = opening.SQL
# Statements sent before their answers are read. More would not fit into the socket's buffers, and
# server and client would block each other: both would be writing, and neither would read.
GROUP_BYTES = 16 * 1024

Done = TypeVar("Done")


@dataclass(slots=True, kw_only=True)
class Progress:
    """The progress of an inspection; the next session continues a dropped one."""

    answers: dict[Question, Answer]
    facts: Facts | None = None
    pending: list[Question] = field(default_factory=list[Question])
    at_once: bool = True  # send the opening without waiting in between

    @property
    def unfinished(self) -> bool:
        """Whether another session is needed."""
        return self.facts is None or bool(self.pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection with its guard and limits; `run` blocks, so call it in a thread."""

    connection: Connection
    guard: Guard
    limits: Limits

    def run(self, opened: socket.socket, choose: Choose, progress: Progress, key: bytes) -> None:
        """Log in over `opened`, read the facts unless known, answer what is pending, log out.

        `key` is the server's RSA key, if the target has one. Returns early, with progress
        unfinished, if an answer was too large to be read to its end, or if a proxy rejected an
        opening sent at once. Raises InspectionError; ssl.SSLError if the TLS handshake failed.
        """
        try:
            self._log_in(opened, key)
            at_once = progress.at_once
            # Half the time if all is sent at once: a proxy may never answer that.
            known = self._guarded(
                lambda: opening.opened(self.connection, self.limits, at_once=at_once),
                self.limits.client_s / 2 if at_once else self.limits.client_s,
            )
            if isinstance(known, Failure):
                if known.kind in {Kind.UNREACHABLE, Kind.TIMEOUT} and progress.at_once:
                    progress.at_once = False
                    return
                raise InspectionError(known.kind, known.reason)
            if progress.facts is None:
                progress.pending = list(dict.fromkeys(choose(known)))
                progress.facts = known
            self._answer_all(progress)
        finally:
            # With a deadline of its own: a server that does not read would block the log-out.
            self.guard.allow(self.limits.client_s)
            if self.connection.open:
                self.connection.close()

    def _log_in(self, opened: socket.socket, key: bytes) -> None:
        try:
            self.connection.greet(opened, key)
        # An edge: a malicious server can make the driver fail in any way.
        except Exception as error:
            if self.guard.cut_off:
                why = f"no answer to the log-in within {self.limits.connect_s:g} s"
                raise InspectionError(Kind.UNREACHABLE, why) from error
            broken = error_behind(error)
            if isinstance(broken, ssl.SSLEOFError | ssl.SSLZeroReturnError) and (
                self.connection.encrypted
            ):
                why = "the server closed the connection during the log-in, after the TLS handshake"
                raise InspectionError(Kind.UNREACHABLE, why) from error
            if broken is not None:
                raise broken from None
            if isinstance(error, err.Error):
                raise errors.of_connection(error) from error
            why = f"the peer is not a MySQL server ({type(error).__name__})"
            raise InspectionError(Kind.UNREACHABLE, why) from error

    def _answer_all(self, progress: Progress) -> None:
        """Send the pending questions in groups; each answer has the full time limit."""
        asked: list[tuple[Question, str]] = []
        for question in progress.pending:
            sql = statement(question)
            if isinstance(sql, Failure):
                progress.answers[question] = sql
            else:
                asked.append((question, sql))
        progress.pending = [question for question, _ in asked]
        for group in _groups(asked, GROUP_BYTES if progress.at_once else 0):
            commands = [(QUERY, sql) for _, sql in group]
            sent = self._guarded(partial(self.connection.send, commands))
            for question, _ in group:
                answer = sent if isinstance(sent, Failure) else self._answer()
                progress.answers[question] = answer
                progress.pending.remove(question)
                if self.connection.open or not isinstance(answer, Failure):
                    continue
                # A new session asks the rest, unless that would fail in the same way.
                if answer.kind is not Kind.TOO_LARGE:
                    progress.answers |= dict.fromkeys(progress.pending, answer)
                    progress.pending.clear()
                return

    def _answer(self) -> Answer:
        """The answer to the next statement that was sent."""
        # For each answer anew: the limits are those of one question.
        self.connection.allow(self.limits)
        reply = self._guarded(self.connection.receive)
        if isinstance(reply, Failure):
            return reply
        if not reply.status & opening.READ_ONLY:
            return Failure(kind=Kind.SESSION, reason="the query ended the read-only transaction")
        return bounded(reply.rows, self.limits, received=self.connection.received)

    def _guarded(self, step: Callable[[], Done], seconds: float = 0.0) -> Done | Failure:
        """Run `step` within the client's time limit; drop an unusable connection."""
        self.guard.allow(seconds or self.limits.client_s)
        try:
            return step()
        except InspectionError as error:
            return Failure(kind=error.kind, reason=error.reason)
        # An edge, as in `_log_in`.
        except Exception as error:  # noqa: BLE001
            failure = self._failure(error)
            if not isinstance(error, err.Error) or errors.lost(error):
                self.connection.drop()
            return failure

    def _failure(self, error: Exception) -> Failure:
        if self.guard.cut_off:
            why = f"no answer within {self.limits.client_s:g} s, the connection was cut"
            return Failure(kind=Kind.TIMEOUT, reason=why)
        if isinstance(error, TooManyPacketsError):
            return too_many_rows(self.limits)
        if isinstance(error, TooMuchError):
            return too_many_bytes(self.limits)
        if isinstance(error, MemoryError):
            return too_much_memory()
        if isinstance(error, err.Error):
            return errors.of_question(error)
        return Failure(kind=Kind.QUERY, reason=f"malformed answer: {error}")


def _groups(
    asked: Sequence[tuple[Question, str]], limit: int
) -> Iterator[Sequence[tuple[Question, str]]]:
    """`asked` in groups of at most `limit` bytes; 0 makes groups of one."""
    group: list[tuple[Question, str]] = []
    size = 0
    for one in asked:
        size += len(one[1].encode())
        if group and size > limit:
            yield group
            group, size = [], len(one[1].encode())
        group.append(one)
    if group:
        yield group
