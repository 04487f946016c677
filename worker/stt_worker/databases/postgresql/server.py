"""A connection to one server: sessions one after another, and a way to cut them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.checkfile.statements.read_only import refusal
from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Endpoint, Failure, InspectionError, Limits, Row, Rows
from stt_worker.databases.postgresql.connect import EARLIER, EARLY, Early
from stt_worker.databases.postgresql.errors import ended_by_setting
from stt_worker.databases.postgresql.session import SQL, Session, opened
from stt_worker.databases.postgresql.settings import of_server


class ServerConnection:
    """At most one session at a time, with any database of the server."""

    def __init__(self, endpoint: Endpoint, limits: Limits) -> None:
        self._endpoint, self._limits = endpoint, limits
        self._session: Session | None = None
        self._over = False
        self._login_trigger = False
        self._early = EARLY
        self.database = ""  # of the current session

    async def open(self, database: str = "", limits: Limits | None = None) -> Row:
        """Replace the current session by a new one; returns its row of facts.

        Without a name the endpoint's database is used. Raises InspectionError.
        """
        self._limits = limits or self._limits
        if database:
            self._endpoint = replace(self._endpoint, database=database)
        try:
            row = await (await self._opened(self._early)).facts()
        except InspectionError as error:
            closed = self._session is not None and error.kind is Kind.UNREACHABLE
            if self._early is EARLIER or not (closed or ended_by_setting(error.reason)):
                raise
            # Once more with earlier settings: the session ended before it could be pinned.
            self._early = EARLIER
            row = await (await self._opened(self._early)).facts()
        self.database = str(row.get("database") or "")
        self._login_trigger = bool(row.get("login_trigger"))
        return row

    async def _opened(self, early: Early) -> Session:
        # Before the next: the account may be allowed one connection only.
        await self.close()
        if self._over:
            raise asyncio.CancelledError
        self._session = session = await opened(self._endpoint, self._limits, early)
        return session

    async def answer(self, question: Question) -> Rows | Failure:
        """The answer to a question in the current database."""
        if why := refusal(question.type, question.text):
            return Failure(kind=Kind.QUERY, reason=f"not sent: {why}")
        if question.type is QueryType.POSTGRESQL_SELECT:
            return await self.rows(f"SELECT {question.text}")
        if question.type is QueryType.POSTGRESQL_SHOW:
            return await self._settings()
        return Failure(kind=Kind.QUERY, reason=f"{question.type} is not a query type of PostgreSQL")

    async def rows(self, sql: str) -> Rows | Failure:
        """The rows of one statement."""
        session = self._session
        lost = session.lost if session is not None else None
        if session is None or (lost is not None and lost.kind is Kind.TOO_LARGE):
            # A new session: the last was dropped in the middle of an answer.
            try:
                await self.open()
            except InspectionError as error:
                return Failure(kind=error.kind, reason=error.reason)
            session = self._session
        if session is None:
            return Failure(kind=Kind.UNREACHABLE, reason="the connection is closed")
        answer = await session.ask(sql)
        if isinstance(answer, Failure):
            await session.renew()
        return answer

    async def _settings(self) -> Rows | Failure:
        """SHOW ALL with the server's values, from a session without pins.

        Ends the current session; the next question opens a new one.
        """
        if self._login_trigger:
            why = "SHOW ALL needs a session without pins, where a login trigger would run"
            return Failure(kind=Kind.SESSION, reason=why)
        try:
            session = await self._opened(())
        except InspectionError as error:
            return Failure(kind=error.kind, reason=error.reason)
        answer = await session.ask(SQL["settings"])
        await self.close()
        return answer if isinstance(answer, Failure) else of_server(answer)

    def cut(self, task: asyncio.Task[Any]) -> None:
        """End `task`, which uses this connection, without asking the server."""
        # First: a session that opens at this moment must not outlive the task.
        self._over = True
        if self._session is None:
            task.cancel()
        else:
            self._session.cut()

    async def close(self) -> None:
        """Close the session without waiting for an answer."""
        session, self._session = self._session, None
        self.database = ""
        if session is not None:
            await session.close()
