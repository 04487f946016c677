"""The composition root of the coordinator: NATS, the store, the checks, and its tasks."""

from __future__ import annotations

import asyncio
import os

from stt_coordinator.pace import Pace
from stt_coordinator.store.sqlite import open_store
from stt_coordinator.tasks import Coordinator, Means
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import builtin
from stt_shared.connection import connected
from stt_shared.errors import UnreachableError
from stt_shared.lifecycle import pause
from stt_shared.settings import Settings, state_dir
from stt_shared.telemetry.logs import logger

FIRST_RETRY_S = 0.25
LAST_RETRY_S = 10.0
_LOG = logger("coordinator")


async def run(settings: Settings, stop: asyncio.Event, pace: Pace | None = None) -> None:
    """Coordinate until `stop` is set; NATS may come later than the coordinator.

    Raises ConfigError if the state folder cannot be used or another coordinator uses it.
    """
    store = await open_store(state_dir(settings.coordinator.state_dir, "coordinator", os.environ))
    try:
        bus = await _connected(settings, stop)
        if bus is None:
            return
        try:
            means = Means(bus=bus, store=store, checks=builtin, pace=pace or Pace())
            await Coordinator(means).run(stop)
        finally:
            await bus.close()
    finally:
        await store.close()
        _LOG.info("ended")


async def _connected(settings: Settings, stop: asyncio.Event) -> Bus | None:
    """The bus as soon as it can be reached; None if `stop` came first."""
    wait = FIRST_RETRY_S
    while not stop.is_set():
        try:
            return await connected(
                settings.nats, "stt-coordinator", replicas=settings.coordinator.replicas
            )
        except UnreachableError as error:
            _LOG.warning("waiting for NATS", reason=error.message, again_in_s=wait)
        await pause(wait, stop)
        wait = min(wait * 2, LAST_RETRY_S)
    return None
