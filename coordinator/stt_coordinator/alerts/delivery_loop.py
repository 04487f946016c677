"""A channel's loop: again and again, and after a failure after ever longer pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from stt_coordinator.tasks.troubles import RETRYABLE, Troubles, format_error
from stt_shared.telemetry.logs import logger

FIRST_PAUSE_S = 1.0
_LOG = logger("alerts")


class Channel(Protocol):
    """Something that is told, step by step; a step that fails has lost nothing."""

    name: str

    @property
    def every_s(self) -> float:
        """Seconds between two steps that end well."""
        ...

    @property
    def longest_pause_s(self) -> float:
        """Seconds between two steps that fail, at the most."""
        ...

    async def step(self) -> str:
        """Tell what there is to tell; a sentence if that was not all, raises UnreachableError."""
        ...


def task_of(channel: Channel) -> str:
    """The name of a channel's task."""
    return f"alerts by {channel.name}"


Pause = Callable[[float], Awaitable[None]]


async def keep(channel: Channel, troubles: Troubles, pause: Pause = asyncio.sleep) -> None:
    """Step for ever; what fails stands in `troubles` until a step ends well."""
    wait = FIRST_PAUSE_S
    name = task_of(channel)
    while True:
        try:
            complaint = await channel.step()
        except RETRYABLE as error:
            _LOG.warning(
                "alert_failed", channel=channel.name, reason=error.message, again_in_s=wait
            )
            troubles.report(name, f"{name}: {format_error(error)}")
            await pause(wait)
            wait = min(wait * 2, channel.longest_pause_s)
        else:
            troubles.resolve(name)
            if complaint:
                troubles.report(name, f"{name}: {complaint}")
            wait = FIRST_PAUSE_S
            await pause(channel.every_s)
