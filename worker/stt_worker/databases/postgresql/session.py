"""One session with a PostgreSQL server: read-only, bounded, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

import msgspec
import psycopg
from psycopg.rows import dict_row

from stt_shared import sqlfile
from stt_shared.protocol.enums import Kind
from stt_worker.databases.bounds import too_many_bytes, too_many_rows, too_much_memory
from stt_worker.databases.guard import Guard
from stt_worker.databases.port import Endpoint, Failure, InspectionError, Limits, Row, Rows
from stt_worker.databases.postgresql import errors
from stt_worker.databases.postgresql.connect import Connection, Early, connect
from stt_worker.databases.postgresql.facts import POSTGRESQL, flavour
from stt_worker.databases.postgresql.secrets import is_suspect, without_passwords

SQL = sqlfile.statements(sqlfile.folder("stt_worker.databases") / "postgresql.sql")
CHUNK_ROWS = 16  # rows that may be in memory beyond the limits
_DIVISION = "22012"  # SQLSTATE of a division by zero

_encoder = msgspec.json.Encoder()


class TooMuchError(Exception):
    """An answer exceeds the limits; the rest of it is not read."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Session:
    """A connection in a read-only transaction, which is started again after every failure.

    `lost` is the failure that ended the connection; it answers every later question.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._guard = Guard(connection.pgconn.socket, limits.client_s)
        milliseconds = round(limits.statement_s * 1_000)
        # In this order: each statement is parsed after the one before it took effect.
        steps = ("begin", "own_role", "no_role", "search_path", "pins")
        self._begin = [SQL[step].replace("{milliseconds}", str(milliseconds)) for step in steps]
        self._refused: Failure | None = None
        self.lost: Failure | None = None

    async def facts(self) -> Row:
        """Pin the session and return the row of the statement `facts`, in one round trip.

        Another server with this protocol, which cannot be pinned, returns its version alone and
        answers no question. Raises InspectionError (session) if a PostgreSQL cannot be pinned.
        """
        *before, pins = self._begin
        found = await self._run(*before, SQL["only_its_own"], pins, SQL["facts"])
        if isinstance(found, Failure) and self.lost is None and found.kind is Kind.QUERY:
            why = f"the settings of this session cannot be pinned: {found.reason}"
            if _DIVISION in found.reason:  # by the statement `only_its_own`
                why = (
                    "operators or functions in pg_catalog belong to a role that is not a superuser"
                )
            others = await self._run(SQL["rollback"], SQL["begin"], SQL["facts_others"])
            row = others[0] if not isinstance(others, Failure) and others else {}
            if flavour(str(row.get("version") or "")) == POSTGRESQL:
                raise InspectionError(Kind.SESSION, why)
            self._refused = Failure(kind=Kind.SESSION, reason=why)
            return row
        if isinstance(found, Failure):
            raise InspectionError(found.kind, found.reason)
        if not found or found[0].get("pinned") is not True:
            raise InspectionError(Kind.SESSION, "this session did not keep its settings")
        return found[0]

    async def renew(self) -> None:
        """Start a new transaction with the same pins."""
        await self._run(SQL["rollback"], *self._begin)

    async def ask(self, sql: str) -> Rows | Failure:
        """The rows of one statement, or the failure."""
        if self._refused is not None:
            return self._refused
        return await self._guarded(lambda: self._stream(sql))

    async def _run(self, *statements: str) -> Rows | Failure:
        """Run our own statements in one round trip; the rows of the last."""

        async def execute() -> Rows:
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute("; ".join(statements).encode())
                await cursor.set_result(-1)
                return await cursor.fetchall() if cursor.description else []

        return await self._guarded(execute)

    async def _stream(self, sql: str) -> Rows:
        """The rows of one statement, counted while they come in; raises TooMuchError."""
        rows: Rows = []
        size = 0
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            # Streamed by the extended protocol, which accepts one statement only: a text with a
            # second statement fails instead of running it.
            found = cursor.stream(sql.encode(), size=CHUNK_ROWS)
            async with aclosing(cast("AsyncGenerator[Row, None]", found)) as stream:
                async for row in stream:
                    encoded = _encoder.encode(row)
                    rows.append(without_passwords(row) if is_suspect(encoded) else row)
                    size += len(encoded) + 1
                    if len(rows) > self._limits.rows:
                        raise self._too_much(too_many_rows(self._limits))
                    if size > self._limits.bytes:
                        raise self._too_much(too_many_bytes(self._limits))
        return rows

    def _too_much(self, failure: Failure) -> TooMuchError:
        # Without this the driver would read the whole rest of the answer.
        self._connection.pgconn.finish()
        return TooMuchError(failure)

    async def _guarded(self, step: Callable[[], Awaitable[Rows]]) -> Rows | Failure:
        """Run `step` within the client's time limit; remember a failure that ends the session."""
        if self.lost is not None:
            return self.lost
        # A cut, not a cancellation: psycopg would first ask the server to stop, for ten seconds.
        timer = asyncio.get_running_loop().call_later(self._limits.client_s, self._guard.cut)
        try:
            return await step()
        except TooMuchError as error:
            self.lost = error.failure
            return error.failure
        except psycopg.Error as error:
            failure = errors.of_question(error)
            if self._guard.cut_off:
                why = f"no answer within {self._limits.client_s:g} s, the connection was cut"
                failure = Failure(kind=Kind.TIMEOUT, reason=why)
        except MemoryError:
            failure = self.lost = too_much_memory()
        # An edge: a malicious server can make the driver fail in any way.
        except Exception as error:  # noqa: BLE001
            failure = Failure(kind=Kind.QUERY, reason=f"malformed answer: {error}")
            self.lost = failure
        finally:
            timer.cancel()
        if self._guard.cut_off or self._connection.broken:
            self.lost = failure
        return failure

    def cut(self) -> None:
        """Cut the connection at once."""
        self._guard.cut()

    async def close(self) -> None:
        """Close the connection without waiting for an answer."""
        await self._connection.close()
        self._guard.close()


async def opened(endpoint: Endpoint, limits: Limits, early: Early) -> Session:
    """A session; raises InspectionError within `connect_s`. See `connect` for `early`."""
    return Session(await connect(endpoint, limits, early), limits)
