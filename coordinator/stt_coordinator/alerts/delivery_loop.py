"""The loop of a channel: a step at each interval, with growing pauses after failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from stt_coordinator.tasks.troubles import RETRYABLE, Troubles, format_error
from stt_shared.backoff import Backoff
from stt_shared.telemetry.logs import logger

FIRST_PAUSE_S = 1.0
_LOG = logger("alerts")


class Channel(Protocol):
    """A receiver of alerts; a failed step loses nothing, the next step sends it again."""

    name: str

    @property
    def every_s(self) -> float:
        """Seconds between two successful steps."""
        ...

    @property
    def longest_pause_s(self) -> float:
        """The longest pause after a failed step, in seconds."""
        ...

    async def step(self) -> str:
        """Send what is new; returns a warning or "". Raises UnreachableError, StoreError."""
        ...


def task_of(channel: Channel) -> str:
    """The name of a channel's task."""
    return f"alerts by {channel.name}"


Pause = Callable[[float], Awaitable[None]]


async def run_channel(channel: Channel, troubles: Troubles, pause: Pause = asyncio.sleep) -> None:
    """Run steps for ever; a failure stays in `troubles` until a step succeeds."""
    backoff = Backoff(FIRST_PAUSE_S, channel.longest_pause_s)
    name = task_of(channel)
    while True:
        try:
            complaint = await channel.step()
        except RETRYABLE as error:
            again_in_s = backoff.next_s()
            _LOG.warning(
                "alert_failed", channel=channel.name, reason=error.message, again_in_s=again_in_s
            )
            troubles.report(name, f"{name}: {format_error(error)}")
            await pause(again_in_s)
        else:
            troubles.resolve(name)
            if complaint:
                troubles.report(name, f"{name}: {complaint}")
            backoff.reset()
            await pause(channel.every_s)
