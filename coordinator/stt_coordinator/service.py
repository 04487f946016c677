"""The composition root of the coordinator: NATS, the store, the checks, and its tasks."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from stt_coordinator.active import ActiveCoordinator
from stt_coordinator.alerts.channels import channels
from stt_coordinator.control.troubled import answering_while_troubled
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies, PageFactory
from stt_coordinator.domain.intake.ceilings import Ceilings
from stt_coordinator.domain.time.timing import Timing
from stt_coordinator.lease.arrival import Arrival
from stt_coordinator.lease.election import Election, Office
from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.joining import Joined, Joiner
from stt_coordinator.lease.nats import NatsLease
from stt_coordinator.lease.port import Claimant
from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.sources import source_of
from stt_coordinator.store.place import Place, place_of
from stt_coordinator.store.port import Store, StoreError
from stt_coordinator.tasks.guards.nonce_gate import SETTING
from stt_coordinator.tasks.retention import RetentionLimits
from stt_coordinator.web.serve import Front, Page, StandbyPage, front_of
from stt_shared.backoff import connect_with_backoff
from stt_shared.bus.port import Bus
from stt_shared.checkfile.catalogue import builtin
from stt_shared.connection import Progress, connected
from stt_shared.errors import UnreachableError
from stt_shared.identity import token_of
from stt_shared.lifecycle import awaited_task, background_task, cancelled
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.minisign import parse_public_key
from stt_shared.pack.trust import Policy
from stt_shared.settings import BUILT_IN, HistorySettings, PackSettings, Settings, state_dir
from stt_shared.settings.sections import CoordinatorSettings, LimitsSettings
from stt_shared.telemetry import notify
from stt_shared.telemetry.logs import logger
from stt_shared.telemetry.tracing import traced

T = TypeVar("T")
_LOG = logger("coordinator")


async def run(
    settings: Settings, stop: asyncio.Event, timing: Timing | None = None, *, adopts: bool = False
) -> None:
    """Lead, or be active or a standby while another coordinator leads, until `stop` is set.

    NATS and the server of the store may come later than the coordinator. `adopts`: take the
    installation over from another store. Raises ConfigError if the store cannot be used, or if a
    coordinator with another store owns the installation.
    """
    timing = timing or timing_of(settings.coordinator)
    front = front_of(settings.web) if settings.web.listen else None
    state = state_dir(settings.coordinator.state_dir, "coordinator", os.environ)
    place = place_of(settings.coordinator, state)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(traced("stt-coordinator", wanted=settings.telemetry.traces))
        arrival = arrival_of(settings.coordinator, place)
        # First of all: a wrong setting ends the process before it tells systemd that it is ready.
        store = await arrival.attempt()
        stack.callback(_LOG.info, "coordinator_stopped")
        sign = SignOfLife()
        # Before NATS is there: it may come later, and systemd must not wait for it.
        progress = Progress(sign.give)
        await stack.enter_async_context(notify.supervision(progress))
        replicas = settings.coordinator.replicas
        bus = await connect_with_backoff(
            lambda: connected(settings.nats, "stt-coordinator", replicas=replicas), stop
        )
        if bus is None:
            return
        stack.push_async_callback(bus.close)
        progress.bus = bus
        if not store:
            waiting = arrival.reached(bus, stop)
            store = await with_page(front, arrival.waits, arrival.sentence, waiting)
        if not store:
            return
        claimant = claimant_of(arrival, store, place)
        election = Election(
            bus=bus,
            lease=NatsLease(bus, claimant, ttl_s=timing.lease_ttl_s),
            claimant=claimant,
            open_store=partial(place.open, upgrades=True),
            handover=Handover(state),
            adopts=adopts,
            joiner=joiner_of(place, bus, claimant, timing),
        )
        await stack.enter_async_context(answering_while_troubled(election))
        make = partial(dependencies_of, settings, state=state, timing=timing, page=page_of(front))
        while won := await stand_by(election, front, stop, make, sign):
            office, working = won
            async with office.acting(stop) as ended:
                # Once the lease is renewed: this takes seconds while browsers wait for answers.
                await cancelled(working)
                sign.store = office.store
                await Coordinator(make(office)).run(ended)
            sign.store = None


def timing_of(settings: CoordinatorSettings) -> Timing:
    """The time limits of the tasks, with those that are settings."""
    return Timing(
        release_after=timedelta(hours=settings.release_after_h),
        forget_discovered=timedelta(hours=settings.forget_discovered_h),
    )


def arrival_of(settings: CoordinatorSettings, place: Place) -> Arrival:
    """This process before it has a store."""
    host = socket.gethostname()
    name = settings.name or token_of(host, "coordinator")
    return Arrival(identity=place.identity, name=name, host=host)


Make = Callable[[Office | Joined], CoordinatorDependencies]


def joiner_of(place: Place, bus: Bus, claimant: Claimant, timing: Timing) -> Joiner | None:
    """What joins the epochs of other coordinators; None for a store that one process locks."""
    if not claimant.store_schema:
        return None
    return Joiner(bus=bus, claimant=claimant, ttl_s=timing.lease_ttl_s, open_store=place.open)


def dependencies_of(
    settings: Settings,
    office: Office | Joined,
    *,
    state: Path,
    timing: Timing,
    page: PageFactory | None,
) -> CoordinatorDependencies:
    """What an active coordinator works with; raises ConfigError for a wrong key of packs."""
    return CoordinatorDependencies(
        bus=office.bus,
        store=office.store,
        office=office if isinstance(office, Office) else None,
        is_shared=bool(office.claimant.store_schema),
        checks=builtin,
        timing=timing,
        fetcher=fetcher_of(settings.pack, office.bus, state, Serials(state)),
        page=page,
        # The leader alone delivers alerts.
        channels=channels(settings.alerts, office.store) if isinstance(office, Office) else (),
        retention=retention_of(settings.history),
        require_nonce=required_nonce(settings),
        subscribers=settings.coordinator.subscribers,
        ceilings=ceilings_of(settings.limits),
        unused_mib_per_hour=settings.limits.unused_results_mib_per_hour,
    )


async def stand_by(
    election: Election, front: Front | None, stop: asyncio.Event, make: Make, sign: SignOfLife
) -> tuple[Office, list[asyncio.Task[None]]] | None:
    """Wait until this process may lead; be active meanwhile, or serve the page of a standby.

    None if `stop` was set first. Returns also the tasks of the active coordinator, which have to be
    cancelled before this one leads: its page needs the same address. Raises ConfigError as
    `Election.won`.
    """
    if election.joiner is None:
        alone = await with_page(front, election.waits, election.sentence, election.won(stop))
        return None if alone is None else (alone, [])
    winning = awaited_task(election.won(stop), "election")
    working = awaited_task(be_active(election, election.joiner, front, make, sign), "active")
    office: Office | None = None
    try:
        await asyncio.wait({winning, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()  # raises what nobody foresaw
        office = await winning
    finally:
        if office is None:
            await cancelled([working, winning])
    return None if office is None else (office, [working])


async def be_active(
    election: Election, joiner: Joiner, front: Front | None, make: Make, sign: SignOfLife
) -> None:
    """Join one epoch after the other, and be active in it, until cancelled."""

    async def announce() -> None:
        joiner.changes += 1
        await election.announce()

    while True:
        waiting = joiner.joined()
        joined = await with_page(front, election.waits, election.sentence, waiting)
        sign.store = joined.store
        try:
            async with joined.working() as ended:
                active = ActiveCoordinator(make(joined), joined, announce)
                joiner.troubles = active.own_troubles
                await active.run(ended)
        except UnreachableError as error:  # joined again
            _LOG.warning("start_delayed", reason=error.message, hint=error.hint)
        finally:
            sign.store = None


async def with_page(
    front: Front | None, waits: asyncio.Event, sentence: Callable[[], str], waiting: Awaitable[T]
) -> T:
    """The result of `waiting`; meanwhile a page says for what this coordinator waits.

    It is served once `waits` is set. Raises what `waiting` raises.
    """
    if front is None:
        return await waiting
    page = StandbyPage(front, waits, sentence)
    serving = background_task(page.run(), "standby-page", _log_crash)
    try:
        return await waiting
    finally:
        # Before the coordinator acts: its page needs the same address.
        await cancelled([serving])


def _log_crash(task: str, error: BaseException) -> None:
    _LOG.error("page_failed", task=task, reason=f"{type(error).__name__}: {error}")


def claimant_of(arrival: Arrival, store: str, place: Place) -> Claimant:
    """This process as it asks for the lease; `store` is the id of its store."""
    return Claimant(
        holder=secrets.token_hex(16),
        name=arrival.name,
        host=arrival.host,
        store=store,
        folder=place.fingerprint(),
        store_schema=place.schema(),
    )


class SignOfLife:
    """What systemd's watchdog waits for: a row in the store of an active coordinator."""

    def __init__(self) -> None:
        self.store: Store | None = None

    async def give(self) -> None:
        """Write a row into the store, which a coordinator that hangs cannot do.

        A store that answers with an error is alive: the status shows it, and a restart mends
        nothing. A standby has no store open: that its tasks run is its sign.
        """
        if self.store is not None:
            with suppress(StoreError):
                await self.store.probe_write()


def retention_of(history: HistorySettings) -> RetentionLimits:
    """The ages of retention from the settings."""
    return RetentionLimits(
        full=timedelta(days=history.full_days), daily=timedelta(days=history.daily_days)
    )


def ceilings_of(limits: LimitsSettings) -> Ceilings:
    """The limits of one worker from the settings."""
    return Ceilings(
        worker_targets=limits.worker_targets,
        new_targets_per_minute=limits.new_targets_per_minute,
    )


def required_nonce(settings: Settings) -> bool | None:
    """The setting `results.require_nonce` if somebody set it; the default alone decides nothing."""
    return settings.results.require_nonce if SETTING in settings.origins else None


def page_of(front: Front | None) -> PageFactory | None:
    """A function that makes the task of the page, or None without a page."""
    if front is None:
        return None
    return lambda context, troubles: Page(context, front, troubles).run


def fetcher_of(pack: PackSettings, bus: Bus, state: Path, serials: Serials) -> PackFetcher | None:
    """What fetches packs, or None for the checks of the installation; raises ConfigError."""
    if pack.source == BUILT_IN:
        return None
    policy = Policy(keys=tuple(map(parse_public_key, pack.keys)), name=pack.name)
    source = source_of(pack.source, policy)
    return PackFetcher(bus=bus, source=source, policy=policy, serials=serials, folder=state)
