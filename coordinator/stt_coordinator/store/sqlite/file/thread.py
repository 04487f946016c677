"""A SQLite connection and the only thread that uses it, by aiosqlite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import TypeVar

import aiosqlite

T = TypeVar("T")
ROWS_AT_ONCE = 64  # of a cursor that is iterated, which nothing here does


class ConnectionThread:
    """Runs whole functions on its connection: one hop for a transaction, not one a statement."""

    def __init__(self) -> None:
        self._connection: aiosqlite.Connection | None = None

    async def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Have the thread make its connection; raises what `connect` raises."""
        connection = aiosqlite.Connection(connect, ROWS_AT_ONCE)
        try:
            self._connection = await connection
        except BaseException:
            # Its thread ends and calls this loop once more: the loop must still be there.
            await asyncio.to_thread(connection._thread.join)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            raise

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises; what is bound to the caller's logs is bound in it, too.

        Raises sqlite3.ProgrammingError once the connection is closed.
        """
        connection = self._connection
        if connection is None:
            raise sqlite3.ProgrammingError("the connection is closed")
        # aiosqlite's public methods hop once per statement: 3 times slower for a batch.
        done: Awaitable[T] = connection._execute(  # type: ignore[no-untyped-call]  # noqa: SLF001
            copy_context().run,
            lambda: work(connection._conn),  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        )
        # Shielded: a cancelled caller must not drop a transaction that waits for its turn.
        return await asyncio.shield(done)

    async def close(self) -> None:
        """Close the connection after the calls that came before; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
