"""Retries with growing pauses: each is twice as long as the one before, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import pause
from stt_shared.telemetry.logs import logger

FIRST_PAUSE_S = 0.25
LAST_PAUSE_S = 10.0
T = TypeVar("T")
_LOG = logger("nats")


class Backoff:
    """The pauses between attempts in seconds, from `first_s`, doubled up to `last_s`."""

    def __init__(self, first_s: float = FIRST_PAUSE_S, last_s: float = LAST_PAUSE_S) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait after this failure; after the next one it is twice as long."""
        wait_s = self._next_s
        self._next_s = min(wait_s * 2, self._last_s)
        return wait_s

    def reset(self) -> None:
        """Start again at the first pause, after a success."""
        self._next_s = self._first_s


async def connect_with_backoff(
    connect: Callable[[], Awaitable[T]], stop: asyncio.Event
) -> T | None:
    """The connection as soon as `connect` returns it; None if `stop` was set first.

    Only UnreachableError is retried; every other exception of `connect` is raised here.
    """
    # The limit: a coordinator that returns after hours is found within LAST_PAUSE_S.
    backoff = Backoff()
    while not stop.is_set():
        try:
            return await connect()
        except UnreachableError as error:
            wait_s = backoff.next_s()
            _LOG.warning("connection_failed", reason=error.message, again_in_s=wait_s)
        await pause(wait_s, stop)
    return None
