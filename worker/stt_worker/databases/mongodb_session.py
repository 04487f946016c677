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
from stt_worker.databases.mongodb_client import Client, FirstFailure
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


class Session:
    """A client in use; `lost` says why it is of no use any more."""

    def __init__(
        self, client: Client, failure: FirstFailure, endpoint: Endpoint, limits: Limits
    ) -> None:
        self._client, self._failure, self._limits = client, failure, limits
        self._where = where(endpoint)
        self.lost: Failure | None = None

    async def hello(self) -> dict[str, Any]:
        """Connect and log in; what the server says of itself.

        Raises LookError within `connect_s`.
        """
        task = asyncio.ensure_future(self._send({"hello": 1}))
        either: list[asyncio.Future[Any]] = [task, self._failure.error]
        seconds = self._limits.connect_s
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                self._failure.give_up(task)
        if not self._failure.error.done() and not task.done():
            why = f"{self._where}: no answer to the log-in within {seconds:g} s"
            raise LookError(Kind.UNREACHABLE, why)
        return self._greeted(task)

    def _greeted(self, task: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
        first = self._failure.error
        error = first.result() if first.done() else task.exception()
        if error is None:
            return task.result()
        raise mongodb_errors.of_connection(error, self._where) from error

    @property
    def is_arbiter(self) -> bool:
        """Whether the greeting before the log-in came from an arbiter."""
        known = self._client.topology_description.server_descriptions().values()
        return any(server.server_type_name == "RSArbiter" for server in known)

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
        try:
            async with asyncio.timeout(self._limits.client_s):
                return await self._send({**wanted, "maxTimeMS": statement_ms})
        except errors.OperationFailure as error:
            return mongodb_errors.of_question(error)
        except TimeoutError:
            why = f"no answer within {self._limits.client_s:g} s, the connection was cut"
            self.lost = Failure(kind=Kind.TIMEOUT, reason=why)
        except errors.PyMongoError as error:
            self.lost = mongodb_errors.of_question(error)
        # The edge to a server that may lie: about lengths or types, and the driver fails somehow.
        except Exception as error:  # noqa: BLE001
            self.lost = Failure(kind=Kind.QUERY, reason=f"an answer that makes no sense: {error}")
        return self.lost

    async def _send(self, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._client.admin.command(wanted, codec_options=_CODEC)
        except errors.OperationFailure as error:
            if error.code != mongodb_errors.UNKNOWN_COMMAND or "hello" not in wanted:
                raise
        # Servers older than 4.4.2 know it by its old name only.
        rest = {key: value for key, value in wanted.items() if key != "hello"}
        return await self._client.admin.command({"isMaster": 1, **rest}, codec_options=_CODEC)
