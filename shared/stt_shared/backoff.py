"""Connect with retries: the pauses double up to a limit."""

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


async def connect_with_backoff(
    connect: Callable[[], Awaitable[T]], stop: asyncio.Event
) -> T | None:
    """The connection as soon as `connect` returns it; None if `stop` was set first.

    Only UnreachableError is retried; every other exception of `connect` is raised here.
    """
    wait_s = FIRST_PAUSE_S
    while not stop.is_set():
        try:
            return await connect()
        except UnreachableError as error:
            _LOG.warning("connection_failed", reason=error.message, again_in_s=wait_s)
        # The limit: a coordinator that returns after hours is found within LAST_PAUSE_S.
        await pause(wait_s, stop)
        wait_s = min(wait_s * 2, LAST_PAUSE_S)
    return None
