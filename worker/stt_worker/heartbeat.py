"""Tells the coordinator who is here and what it serves."""

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
from stt_worker.packs import PackRegistry
from stt_worker.targets.model import Inventory

EVERY_S = 15.0
_LOG = logger("announce")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What an announcement says; the callables tell the load of the moment."""

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

    def announcement(self, at: datetime, *, leaving: bool) -> Announcement:
        """The message at this moment."""
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
            leaving=leaving,
            packs=self.pack_registry.held if self.pack_registry else (),
            refused_pack=self.pack_registry.refusal if self.pack_registry else "",
            allow_unsigned=self.pack_registry.allow_unsigned if self.pack_registry else False,
        )


class HeartbeatSender:
    """Announces every EVERY_S seconds and whenever it is woken."""

    def __init__(self, bus: Bus, heartbeat_content: Heartbeat) -> None:
        self._bus = bus
        self._presence = heartbeat_content
        self._woken = asyncio.Event()
        if heartbeat_content.pack_registry is not None:
            heartbeat_content.pack_registry.changed = self.wake

    def wake(self) -> None:
        """Announce now: something changed, or somebody asked."""
        self._woken.set()

    async def run(self) -> None:
        """Announce, for ever."""
        while True:
            self._woken.clear()
            await self.say()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._woken.wait()

    async def say(self, *, leaving: bool = False) -> None:
        """Announce once; a loss is made good by the next."""
        message = self._presence.announcement(clock.now(), leaving=leaving)
        subject = subjects.announce(self._presence.site, self._presence.worker)
        try:
            await self._bus.send(subject, _encoded(message))
        except UnreachableError as error:
            _LOG.debug("not announced", reason=error.message)


def _encoded(message: Announcement) -> bytes:
    try:
        return codec.encode(message)
    except ProtocolError as error:
        _LOG.error("announcement too large, labels are left out", reason=error.message)
        bare = tuple(msgspec.structs.replace(target, labels={}) for target in message.targets)
        return codec.encode(msgspec.structs.replace(message, targets=bare))
