"""Wait at the start for a store whose server does not answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.store.port import StoreError
from stt_shared import clock
from stt_shared.backoff import Backoff
from stt_shared.bus.port import Bus
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import pause
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import Standby
from stt_shared.telemetry.logs import logger

LAST_PAUSE_S = 5.0  # between two attempts: who acts forgets standbys that are silent for longer
_LOG = logger("store")


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A coordinator before it knows its store; `identity` returns the id of the store.

    It raises StoreError while the server does not answer, and ConfigError for what only a person
    can correct.
    """

    identity: Callable[[], Awaitable[str]]
    name: str
    host: str
    since: datetime = field(default_factory=clock.now)
    obstacle: str = ""
    waits: asyncio.Event = field(default_factory=asyncio.Event)

    def sentence(self) -> str:
        """For page and health: since when it waits, and for what."""
        return f"standby since {clock.to_text(self.since)}: {self.obstacle}"

    async def attempt(self) -> str:
        """The id of the store, empty if its server does not answer now; raises ConfigError."""
        try:
            found = await self.identity()
        except StoreError as error:
            # One line for each reason, not for each attempt.
            if error.message != self.obstacle:
                _LOG.error("store_unreachable", reason=error.message, hint=error.hint)
            self.obstacle = error.message
            return ""
        if self.obstacle:
            _LOG.info("store_reached", after=str(clock.now() - self.since))
        return found

    async def reached(self, bus: Bus, stop: asyncio.Event) -> str:
        """Wait for the id of the store; empty if `stop` was set first. Raises ConfigError."""
        backoff = Backoff(last_s=LAST_PAUSE_S)
        while not stop.is_set():
            found = await self.attempt()
            if found:
                return found
            self.waits.set()
            await self._announce(bus)
            await pause(backoff.next_s(), stop)
        return ""

    async def _announce(self, bus: Bus) -> None:
        message = Standby(name=self.name, host=self.host, since=self.since, obstacle=self.obstacle)
        with suppress(UnreachableError):  # announced again with the next attempt
            await bus.send(subjects.standby(self.name), codec.encode(message))
