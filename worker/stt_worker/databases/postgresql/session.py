"""One session with a PostgreSQL server: read-only, bounded, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

import msgspec
import psycopg
from psycopg import AsyncCursor
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
CHUNK_ROWS = 16  # what may lie in memory beyond the limits: so many rows of any size
_DIVISION = "22012"  # SQLSTATE of a division by zero

_encoder = msgspec.json.Encoder()


class TooMuchError(Exception):
    """An answer over the limits; what is left of it is on its way."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Session:
    """A connection in a read-only transaction of its own, which is made anew after every failure.

    `lost` says why there is no connection any more; every further answer is then that.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._guard = Guard(connection.pgconn.socket, limits.client_s)
        milliseconds = round(limits.statement_s * 1_000)
        # In one message: every statement is understood after the one before it has acted.
        steps = ("begin", "own_role", "no_role", "search_path", "pins")
        self._begin = [SQL[step].replace("{milliseconds}", str(milliseconds)) for step in steps]
        self._refused: Failure | None = None
        self.lost: Failure | None = None

    async def facts(self) -> Row:
        """Pin the session and return the row of the statement `facts`, in one round trip.

        Of a look-alike that cannot be pinned there is its version alone, and no answer to any
        question. Raises LookError: `session` for a PostgreSQL that cannot be pinned.
        """
        *before, pins = self._begin
        found = await self._run(*before, SQL["only_its_own"], pins, SQL["facts"])
        if isinstance(found, Failure) and self.lost is None and found.kind is Kind.QUERY:
            return await self._look_alike(found)
        if isinstance(found, Failure):
            raise InspectionError(found.kind, found.reason)
        if not found or found[0].get("pinned") is not True:
            raise InspectionError(
                Kind.SESSION, "the settings of this session did not stay as we set them"
            )
        return found[0]

    async def _look_alike(self, refused: Failure) -> Row:
        found = await self._run(SQL["rollback"], SQL["begin"], SQL["facts_others"])
        row = found[0] if not isinstance(found, Failure) and found else {}
        why = f"the settings of this session cannot be pinned: {refused.reason}"
        if _DIVISION in refused.reason:  # by the statement `only_its_own`
            why = "operators or functions in pg_catalog belong to a role that is not a superuser"
        if flavour(str(row.get("version") or "")) == POSTGRESQL:
            raise InspectionError(Kind.SESSION, why)
        self._refused = Failure(kind=Kind.SESSION, reason=why)
        return row

    async def renew(self) -> None:
        """A new transaction with the same pins."""
        await self._run(SQL["rollback"], *self._begin)

    async def ask(self, sql: str) -> Rows | Failure:
        """The rows of one statement."""
        if self._refused is not None:
            return self._refused
        return await self._guarded(lambda: self._stream(sql))

    async def _run(self, *statements: str) -> Rows | Failure:
        """Statements of our own in one round trip; the rows of the last."""
        return await self._guarded(lambda: self._execute("; ".join(statements)))

    async def _execute(self, script: str) -> Rows:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(script.encode())
            await cursor.set_result(-1)
            return await cursor.fetchall() if cursor.description else []

    async def _stream(self, sql: str) -> Rows:
        rows: Rows = []
        size = 0
        async with (
            self._connection.cursor(row_factory=dict_row) as cursor,
            aclosing(_rows(cursor, sql)) as stream,
        ):
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
        # Without this the driver would read the rest of the answer before it gives up.
        self._connection.pgconn.finish()
        return TooMuchError(failure)

    async def _guarded(self, step: Callable[[], Awaitable[Rows]]) -> Rows | Failure:
        if self.lost is not None:
            return self.lost
        timer = asyncio.get_running_loop().call_later(self._limits.client_s, self._guard.cut)
        try:
            return await step()
        except TooMuchError as error:
            self.lost = error.failure
            return error.failure
        except psycopg.Error as error:
            failure = self._failure(error)
        except MemoryError:
            failure = self.lost = too_much_memory()
        # The edge to a server that may lie: about types, and the driver fails in any way it can.
        except Exception as error:  # noqa: BLE001
            failure = Failure(kind=Kind.QUERY, reason=f"an answer that makes no sense: {error}")
            self.lost = failure
        finally:
            timer.cancel()
        if self._guard.cut_off or self._connection.broken:
            self.lost = failure
        return failure

    def _failure(self, error: psycopg.Error) -> Failure:
        if self._guard.cut_off:
            why = f"no answer within {self._limits.client_s:g} s, the connection was cut"
            return Failure(kind=Kind.TIMEOUT, reason=why)
        return errors.of_question(error)

    def cut(self) -> None:
        """End whatever is under way, at once."""
        self._guard.cut()

    async def close(self) -> None:
        """Leave without waiting for an answer."""
        await self._connection.close()
        self._guard.close()


def _rows(cursor: AsyncCursor[Row], sql: str) -> AsyncGenerator[Row, None]:
    # By the extended protocol, which takes one statement only, whatever the text holds.
    return cast("AsyncGenerator[Row, None]", cursor.stream(sql.encode(), size=CHUNK_ROWS))


async def opened(endpoint: Endpoint, limits: Limits, early: Early) -> Session:
    """A session; raises LookError within `connect_s`. See `connect` for `early`."""
    return Session(await connect(endpoint, limits, early), limits)
