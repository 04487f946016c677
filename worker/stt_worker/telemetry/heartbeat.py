"""Sends heartbeats: which worker runs, its load, its targets and its packs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Announcement
from stt_shared.telemetry.logs import logger
from stt_worker.jobs.pack_registry import PackRegistry
from stt_worker.targets.model import Inventory

EVERY_S = 15.0
_LOG = logger("heartbeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The content of heartbeats; the callables return the current load."""

    worker: str
    site: str
    version: str
    pack: str
    started: datetime
    concurrency: int
    inventory: Inventory
    running: Callable[[], int]
    outbox: Callable[[], int]
    pack_registry: PackRegistry | None = None
    epoch: Callable[[], str] = str  # of the outbox
    refused: Callable[[], tuple[str, ...]] = tuple

    def message(self, at: datetime, *, leaving: bool) -> Announcement:
        """The message to send at `at`."""
        return Announcement(
            worker=self.worker,
            site=self.site,
            version=self.version,
            started=self.started,
            at=at,
            targets=self.inventory.announced(),
            pack=self.pack,
            running=self.running(),
            concurrency=self.concurrency,
            outbox=self.outbox(),
            epoch=self.epoch(),
            leaving=leaving,
            packs=self.pack_registry.held if self.pack_registry else (),
            refused_pack=self.pack_registry.refusal if self.pack_registry else "",
            allow_unsigned=self.pack_registry.allow_unsigned if self.pack_registry else False,
            refused=self.refused(),
        )


class HeartbeatSender:
    """Sends a heartbeat every EVERY_S seconds, and at once after `wake`."""

    def __init__(self, bus: Bus, heartbeat: Heartbeat) -> None:
        self._bus = bus
        self._heartbeat = heartbeat
        self._woken = asyncio.Event()
        if heartbeat.pack_registry is not None:
            heartbeat.pack_registry.changed = self.wake

    def wake(self) -> None:
        """Send a heartbeat now, because something changed or the coordinator asked."""
        self._woken.set()

    async def run(self) -> None:
        """Send heartbeats until cancelled."""
        while True:
            # Cleared before the sending: a change during it must cause another heartbeat.
            self._woken.clear()
            await self.send()
            # Woken or not, at the latest after EVERY_S: a worker that stays silent counts as down.
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._woken.wait()

    async def send(self, *, leaving: bool = False) -> None:
        """Send one heartbeat; if it is lost, the next replaces it."""
        message = self._heartbeat.message(clock.now(), leaving=leaving)
        subject = subjects.announce(self._heartbeat.site, self._heartbeat.worker)
        try:
            data = codec.encode(message)
        except ProtocolError as error:
            # Without labels, not unsent: a worker without heartbeats would count as gone.
            _LOG.error("heartbeat_shortened", reason=error.message)
            bare = tuple(msgspec.structs.replace(target, labels={}) for target in message.targets)
            data = codec.encode(msgspec.structs.replace(message, targets=bare))
        try:
            await self._bus.send(subject, data)
        except UnreachableError as error:
            _LOG.debug("heartbeat_failed", reason=error.message)
