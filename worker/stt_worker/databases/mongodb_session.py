"""One conversation with a MongoDB server: hello, then one command at a time."""

from __future__ import annotations

import asyncio
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import errors

from stt_shared.checkfile.model import Question
from stt_shared.protocol.words import Kind
from stt_worker.databases import mongodb_errors
from stt_worker.databases.bounds import bounded
from stt_worker.databases.mongodb_client import Client, FirstContact
from stt_worker.databases.mongodb_commands import command
from stt_worker.databases.mongodb_values import document
from stt_worker.databases.network import where
from stt_worker.databases.port import Answer, Endpoint, Failure, Limits, LookError

# Instants outside Python's range and text that is no UTF-8 must not end a look.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    unicode_decode_error_handler="replace",
)

Task = asyncio.Future[dict[str, Any]]


class Session:
    """A client in use; `lost` says why it is of no use any more."""

    def __init__(
        self, client: Client, contact: FirstContact, endpoint: Endpoint, limits: Limits
    ) -> None:
        self._client, self._contact, self._limits = client, contact, limits
        self._where = where(endpoint)
        self.lost: Failure | None = None

    async def hello(self) -> dict[str, Any]:
        """Connect and log in; what the server says of itself.

        Raises LookError within `connect_s`.
        """
        seconds = self._limits.connect_s
        task = await self._within(seconds, {"hello": 1})
        first = self._contact.error
        if not first.done() and not task.done():
            why = f"{self._where}: no answer to the log-in within {seconds:g} s"
            raise LookError(Kind.UNREACHABLE, why)
        error = first.result() if first.done() else task.exception()
        if error is None:
            return task.result()
        raise mongodb_errors.of_connection(error, self._where) from error

    async def _within(self, seconds: float, wanted: dict[str, Any]) -> Task:
        """The command's task: ended, or given up because of the time or a failed connection.

        The driver makes its own errors of a cancellation, or waits on: it must not be ours.
        """
        task = asyncio.ensure_future(self._send(wanted))
        either: list[asyncio.Future[Any]] = [task, self._contact.error]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                self._contact.give_up(task)
        return task

    @property
    def is_arbiter(self) -> bool:
        """Whether the greeting before the log-in came from an arbiter."""
        return self._contact.is_arbiter

    async def build(self) -> dict[str, Any]:
        """`buildInfo`; empty where the server does not tell it to us."""
        found = await self._bounded({"buildInfo": 1})
        if isinstance(found, Failure) and self.lost is not None:
            raise LookError(found.kind, found.reason)
        return {} if isinstance(found, Failure) else found

    async def answer(self, question: Question) -> Answer:
        """The list with the one document that the server replies."""
        wanted = command(question)
        if isinstance(wanted, Failure):
            return wanted
        reply = await self._bounded(wanted)
        if isinstance(reply, Failure):
            return reply
        return bounded([document(reply)], self._limits)

    async def _bounded(self, wanted: dict[str, Any]) -> dict[str, Any] | Failure:
        if self.lost is not None:
            return self.lost
        statement_ms = max(1, round(self._limits.statement_s * 1_000))
        task = await self._within(self._limits.client_s, {**wanted, "maxTimeMS": statement_ms})
        if not task.done():
            why = f"no answer within {self._limits.client_s:g} s, the connection was cut"
            self.lost = Failure(kind=Kind.TIMEOUT, reason=why)
            return self.lost
        error = task.exception()
        if error is None:
            return task.result()
        failure = self._failed(error)
        if not isinstance(error, errors.OperationFailure):
            self.lost = failure
        return failure

    def _failed(self, error: BaseException) -> Failure:
        if isinstance(error, errors.PyMongoError):
            return mongodb_errors.of_question(error)
        # A server that lies, about lengths or types, makes the driver fail in any way.
        return Failure(kind=Kind.QUERY, reason=f"an answer that makes no sense: {error}")

    async def _send(self, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._client.admin.command(wanted, codec_options=_CODEC)
        except errors.OperationFailure as error:
            if error.code != mongodb_errors.UNKNOWN_COMMAND or "hello" not in wanted:
                raise
        # Servers older than 4.4.2 know it by its old name only.
        rest = {key: value for key, value in wanted.items() if key != "hello"}
        return await self._client.admin.command({"isMaster": 1, **rest}, codec_options=_CODEC)
