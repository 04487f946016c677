"""The composition root of the coordinator: NATS, the store, the checks, and its tasks."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from stt_coordinator.alerts.channels import channels
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies, PageFactory
from stt_coordinator.domain.timing import Timing
from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.sources import source_of
from stt_coordinator.store.port import Store, StoreError
from stt_coordinator.store.sqlite.store import open_store
from stt_coordinator.tasks.retention import RetentionLimits
from stt_coordinator.web.serve import Page, front_of
from stt_shared import clock
from stt_shared.backoff import connect_with_backoff
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import builtin
from stt_shared.connection import connected
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.minisign import parse_public_key
from stt_shared.pack.trust import Policy
from stt_shared.settings import BUILT_IN, HistorySettings, PackSettings, Settings, state_dir
from stt_shared.settings.web import WebSettings
from stt_shared.telemetry import notify
from stt_shared.telemetry.logs import logger
from stt_shared.telemetry.tracing import traced

ALIVE = "alive"  # the slot that signs of life are written to
_LOG = logger("coordinator")


async def run(settings: Settings, stop: asyncio.Event, timing: Timing | None = None) -> None:
    """Coordinate until `stop` is set; NATS may come later than the coordinator.

    Raises ConfigError if the state folder cannot be used or another coordinator uses it.
    """
    page = _page(settings.web)
    state = state_dir(settings.coordinator.state_dir, "coordinator", os.environ)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traced("stt-coordinator", wanted=settings.telemetry.traces))
        store = await open_store(state)
        stack.callback(_LOG.info, "coordinator_stopped")
        stack.push_async_callback(store.close)
        # Before NATS is there: it may come later, and systemd is not to wait for it.
        await stack.enter_async_context(notify.supervision(partial(_written, store)))
        bus = await connect_with_backoff(
            lambda: connected(
                settings.nats, "stt-coordinator", replicas=settings.coordinator.replicas
            ),
            stop,
        )
        if bus is None:
            return
        stack.push_async_callback(bus.close)
        dependencies = CoordinatorDependencies(
            bus=bus,
            store=store,
            checks=builtin,
            timing=timing or Timing(),
            fetcher=_fetcher(settings.pack, bus, state, Serials(state)),
            page=page,
            channels=channels(settings.alerts, store),
            retention=_retention(settings.history),
        )
        await Coordinator(dependencies).run(stop)


async def _written(store: Store) -> None:
    """A row written into the store: what a coordinator that hangs cannot do.

    A store that answers that it is full is told of elsewhere; a new start would not mend it.
    """
    with suppress(StoreError):
        await store.transact(lambda ledger: ledger.runs.put_slot(ALIVE, clock.now()))


def _retention(history: HistorySettings) -> RetentionLimits:
    return RetentionLimits(
        full=timedelta(days=history.full_days), daily=timedelta(days=history.daily_days)
    )


def _page(web: WebSettings) -> PageFactory | None:
    """What serves the page; None where there is none. Raises ConfigError as `front_of`."""
    if not web.listen:
        return None
    front = front_of(web)
    return lambda context, troubles: Page(context, front, troubles).run


def _fetcher(pack: PackSettings, bus: Bus, state: Path, serials: Serials) -> PackFetcher | None:
    """What fetches packs; None where the checks are those of the installation."""
    if pack.source == BUILT_IN:
        return None
    policy = Policy(keys=tuple(map(parse_public_key, pack.keys)), name=pack.name)
    source = source_of(pack.source, policy)
    return PackFetcher(bus=bus, source=source, policy=policy, serials=serials, folder=state)
