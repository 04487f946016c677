"""A SQLite connection and the only thread that uses it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class ConnectionThread:
    """Runs whole functions on its connection: one hop for a transaction, not one a statement."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Have the thread make its connection; raises what `connect` raises."""
        loop = asyncio.get_running_loop()
        # The thread itself: SQLite refuses a connection that another one made.
        self._connection = await loop.run_in_executor(self._executor, connect)

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises; what is bound to the caller's logs is bound in it, too."""
        connection = self._connection
        if connection is None:
            raise sqlite3.ProgrammingError("the connection is closed")
        context = copy_context()
        done = asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: context.run(work, connection)
        )
        # Shielded: a cancelled caller must not drop a transaction that waits for its turn.
        return await asyncio.shield(done)

    async def close(self) -> None:
        """Close the connection after the calls that came before; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # In its own thread: the calls that were accepted before end first.
            await asyncio.get_running_loop().run_in_executor(self._executor, connection.close)
        self._executor.shutdown(wait=False)
