"""One session with a MySQL server, from greeting to good-bye, in a thread of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pymysql import err

from stt_shared import sqlfile
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.statements.judge import refusal
from stt_shared.protocol.messages import Facts
from stt_shared.protocol.words import Kind
from stt_worker.databases import mysql_errors as errors
from stt_worker.databases import mysql_facts
from stt_worker.databases.bounds import bounded, too_many_bytes, too_many_rows
from stt_worker.databases.guard import Guard
from stt_worker.databases.mysql_connection import Connection, TooManyPacketsError, TooMuchError
from stt_worker.databases.port import Answer, Choose, Failure, Limits, LookError
from stt_worker.databases.tls import error_behind

SQL = sqlfile.statements(sqlfile.folder("stt_worker.databases") / "mysql.sql")
_MYSQL = ("session_mysql", "session_mysql_before_5_7_20")
_MARIADB = ("session_mariadb_before_11_1", "session_mariadb")
_WORDS = {QueryType.MYSQL_SELECT: "SELECT", QueryType.MYSQL_SHOW: "SHOW"}

Done = TypeVar("Done")


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a look is; a session that had to be dropped is continued by the next."""

    facts: Facts | None = None
    pending: list[Question] = field(default_factory=list[Question])
    answers: dict[Question, Answer] = field(default_factory=dict[Question, Answer])


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection with its guard and limits; `run` blocks and belongs into a thread."""

    connection: Connection
    guard: Guard
    limits: Limits

    def run(self, opened: socket.socket, choose: Choose, progress: Progress) -> None:
        """Log in over `opened`, learn the facts unless known, answer what is pending, log out.

        Returns early with questions pending when an answer was too large to be read to its end.
        Raises LookError; ssl.SSLError when the TLS handshake failed.
        """
        try:
            self._log_in(opened)
            known = self._guarded(lambda: self._prepare(progress.facts))
            if isinstance(known, Failure):
                raise LookError(known.kind, known.reason)
            if progress.facts is None:
                progress.pending = list(dict.fromkeys(choose(known)))
                progress.facts = known
            self._answer_all(progress)
        finally:
            self._leave()

    def _log_in(self, opened: socket.socket) -> None:
        try:
            self.connection.greet(opened)
        # The edge to a server that may lie, about lengths or types: the driver fails in any way.
        except Exception as error:
            if self.guard.cut_off:
                why = f"no answer to the log-in within {self.limits.connect_s:g} s"
                raise LookError(Kind.UNREACHABLE, why) from error
            broken = error_behind(error)
            if broken is not None:
                raise broken from None
            if isinstance(error, err.Error):
                raise errors.of_connection(error) from error
            why = f"what answers is no MySQL server ({type(error).__name__})"
            raise LookError(Kind.UNREACHABLE, why) from error

    def _prepare(self, known: Facts | None) -> Facts:
        """Make the session read-only and bounded, then ask what the server is."""
        connection = self.connection
        likely = _MARIADB if "mariadb" in connection.greeting.lower() else _MYSQL
        seconds = max(1, round(self.limits.statement_s))
        values = {"seconds": seconds, "milliseconds": round(self.limits.statement_s * 1_000)}
        self._first((*likely, "session_others"), values)
        connection.ask(SQL["begin"])
        return known or self._facts()

    def _facts(self) -> Facts:
        row = self._first(("facts", "facts_others"), {})[0]
        found = mysql_facts.facts(row)
        if found.provider != "rds":
            return found
        aurora = bool(self._first(("aurora", ""), {}))
        return mysql_facts.facts(row, aurora=aurora)

    def _first(self, names: tuple[str, ...], values: dict[str, int]) -> list[dict[str, object]]:
        """The answer to the first of our statements whose variables this server knows."""
        for name in filter(None, names):
            try:
                return self.connection.ask(SQL[name].format(**values))
            except err.Error as error:
                if errors.code(error) != errors.UNKNOWN_VARIABLE:
                    raise
        return []

    def _answer_all(self, progress: Progress) -> None:
        while progress.pending:
            question = progress.pending.pop(0)
            answer = progress.answers[question] = self._answer(question)
            if self.connection.open or not isinstance(answer, Failure):
                continue
            if answer.kind is Kind.TOO_LARGE:
                return
            progress.answers |= dict.fromkeys(progress.pending, answer)
            progress.pending.clear()

    def _answer(self, question: Question) -> Answer:
        word = _WORDS.get(question.type)
        if word is None:
            return Failure(kind=Kind.QUERY, reason=f"{question.type} is no query of MySQL")
        if why := refusal(question.type, question.text):
            return Failure(kind=Kind.QUERY, reason=f"not sent: {why}")
        self.connection.allow(self.limits)
        rows = self._guarded(lambda: self.connection.ask(f"{word} {question.text}"))
        return rows if isinstance(rows, Failure) else bounded(rows, self.limits)

    def _guarded(self, step: Callable[[], Done]) -> Done | Failure:
        """Do one thing within the client's time; drop a connection that is beyond repair."""
        self.guard.allow(self.limits.client_s)
        try:
            return step()
        # The edge to a server that may lie, as above.
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
        if isinstance(error, err.Error):
            return errors.of_question(error)
        return Failure(kind=Kind.QUERY, reason=f"an answer that makes no sense: {error}")

    def _leave(self) -> None:
        """Say good-bye, if the server is still there to hear it."""
        self.guard.allow(self.limits.client_s)
        if self.connection.open:
            self.connection.close()
