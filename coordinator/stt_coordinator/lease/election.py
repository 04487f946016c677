"""Wait until this coordinator may lead, and take the lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from stt_coordinator.lease.copies import require_newest
from stt_coordinator.lease.fence import FencedBus, Fences
from stt_coordinator.lease.fenced_store import FencedStore
from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.installations import Installations
from stt_coordinator.lease.joining import Joiner
from stt_coordinator.lease.port import RENEWALS, Claimant, Lease, LeaseLostError, View
from stt_coordinator.lease.record import LeaseRecord, claimed
from stt_coordinator.lease.releases import obstacle, older_acts
from stt_coordinator.lease.standbys import INSTANCE, MAX_CHARACTERS
from stt_coordinator.lease.term import Keeper, Term
from stt_coordinator.store.port import Store, StoreDeposedError, StoreError
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.errors import ConfigError, ProtocolError, SttError, UnreachableError
from stt_shared.lifecycle import awaited_task, cancelled, pause
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby
from stt_shared.report import readable
from stt_shared.telemetry.logs import logger

INSPECTIONS = 12  # in the time after which a silent holder loses the lease
RETRYABLE = (UnreachableError, StoreError, ProtocolError)
_LOG = logger("lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What an acting coordinator uses: its term, a bus that is fenced by it, and the store."""

    claimant: Claimant
    lease: Lease
    term: Term
    bus: FencedBus
    fences: Fences
    store: Store
    handover: Handover

    def info(self, standbys: tuple[Standby, ...]) -> CoordinatorInfo:
        """What status, page and doctor show of this coordinator."""
        return CoordinatorInfo(
            name=self.claimant.name,
            host=self.claimant.host,
            epoch=self.term.epoch,
            since=self.term.since,
            store=self.claimant.store,
            fenced=self.bus.can_fence(),
            standbys=standbys,
        )

    @asynccontextmanager
    async def acting(self, stop: asyncio.Event) -> AsyncGenerator[asyncio.Event, None]:
        """Keep the lease while the block lasts, then close the store and release the lease.

        The event is set when the block has to end: by `stop`, or since the lease is lost.
        """
        ended = asyncio.Event()
        renewing = awaited_task(self._keep(), "lease")
        stopping = awaited_task(stop.wait(), "stop")
        for task in (renewing, stopping):
            task.add_done_callback(lambda _task: ended.set())
        try:
            yield ended
        finally:
            await cancelled([renewing, stopping])
            # The store first: who takes over the lease may have to open the same file.
            await self.store.close()
            with suppress(UnreachableError):
                await self.lease.release()
        if not renewing.cancelled():
            renewing.result()  # raises what nobody foresaw

    async def _keep(self) -> None:
        keeper = Keeper(lease=self.lease, term=self.term, mend=self._mend, handover=self.handover)
        try:
            await keeper.keep()
        except LeaseLostError as error:
            _LOG.warning("lease_lost", epoch=self.term.epoch, reason=error.message)

    async def _mend(self) -> None:
        await self.fences.keep(self.term.epoch)


@dataclass(slots=True)
class Waiting:
    """The coordinator that a standby waits for, and since when."""

    claimant: Claimant
    since: datetime = field(default_factory=clock.now)
    behind: LeaseRecord | None = None
    obstacle: str = ""  # why it cannot take over at the moment

    def sentence(self) -> str:
        """For log, page and health: `standby behind NAME on HOST since T`."""
        since = clock.to_text(self.since)
        if self.behind is None or not self.behind.holder:
            text = f"standby since {since}"
        else:
            text = f"standby behind {self.behind.name} on {self.behind.host} since {since}"
        return f"{text}: {self.obstacle}" if self.obstacle else text


@dataclass(slots=True, kw_only=True)
class Election:
    """How one coordinator comes to act; `open_store` returns None while another process has it."""

    bus: Bus
    lease: Lease
    claimant: Claimant
    open_store: Callable[[], Awaitable[Store | None]]
    handover: Handover
    adopts: bool = False  # whether it may take over from another store
    joiner: Joiner | None = None  # None: a store that one coordinator alone can use
    waiting: Waiting = field(init=False)
    installations: Installations = field(init=False)
    waits: asyncio.Event = field(default_factory=asyncio.Event)  # set while it is a standby
    trouble: SttError | None = None  # why the last attempt failed: NATS, or the store

    def __post_init__(self) -> None:
        self.waiting = Waiting(self.claimant)
        self.installations = Installations(self.claimant)

    async def won(self, stop: asyncio.Event) -> Office | None:
        """Return when this process may act; None if `stop` was set first.

        Raises ConfigError if another coordinator owns this installation.
        """
        self.waiting = Waiting(self.claimant)
        rounds = 0
        while not stop.is_set():
            try:
                office = await self._attempt()
                self.trouble = None
                if office is not None:
                    self.waits.clear()
                    return office
                if rounds % (INSPECTIONS // RENEWALS) == 0:
                    await self.announce()
            except RETRYABLE as error:
                self.trouble = error
                self._say(error.message)
            rounds += 1
            self.waits.set()
            await pause(self.lease.ttl_s / INSPECTIONS, stop)
        return None

    def sentence(self) -> str:
        """Behind whom it waits, and since when."""
        return self.waiting.sentence()

    async def announce(self) -> None:
        """Announce this coordinator to the leader; raises UnreachableError."""
        one, waiting, joiner = self.claimant, self.waiting, self.joiner
        hindrance = joiner.hindrance() if joiner else ""
        message = Standby(
            name=one.name,
            host=one.host,
            instance=one.holder[:INSTANCE],
            since=waiting.since,
            # Shortened here: who hears a longer one drops the message.
            obstacle=(hindrance or waiting.obstacle)[:MAX_CHARACTERS],
            active=joiner is not None and joiner.is_active,
            changes=joiner.changes if joiner else 0,
        )
        await self.bus.send(subjects.standby(one.name), codec.encode(message))

    async def _attempt(self) -> Office | None:
        begun = clock.uptime()
        view = await self.lease.inspect()
        self.installations.see(view.record)
        if self.joiner is not None:
            self.joiner.see(view.record, begun)
        # First: a lease that is free must not be taken with another store either.
        self.refuse_other_store(view.record)
        if not view.is_free:
            self._wait_behind(view)
            return None
        if view.record is None and await older_acts(self.bus):
            self._say("a coordinator of an older release acts, stop it first")
            return None
        store = await self.open_store()
        if store is None:
            if view.is_held:  # by a coordinator on this folder, as long as it lives
                self._wait_behind(view)
            else:
                self.handover.want()
                self._say("another process has locked the state folder", view.record)
            return None
        office: Office | None = None
        try:
            self._refuse_exchanged(store)
            office = await self._take(store)
        finally:
            # Closed at once: a folder that stays locked keeps every other standby of this machine
            # out.
            if office is None:
                await store.close()
        return office

    def refuse_other_store(self, record: LeaseRecord | None) -> None:
        """Raise ConfigError if the installation belongs to another store than ours."""
        if record is None or self.adopts or record.store == self.claimant.store:
            return
        since = f", since {clock.to_text(record.since)}" if record.since else ""
        stopped = "" if record.holder else ", stopped now"
        raise ConfigError(
            f"another coordinator owns this installation: {record.name} on {record.host} with"
            f" store {record.store}{since}{stopped}; this one has store {self.claimant.store}",
            hint="stop this one, or restore a backup of that store; to go on with this store, and"
            " without what only the other one has recorded: stt coordinator --adopt",
        )

    def _refuse_exchanged(self, store: Store) -> None:
        """Raise ConfigError if the address leads to another store than at the start.

        With `adopts` too: the lease names the store that this process found at its start.
        """
        if store.identity == self.claimant.store:
            return
        raise ConfigError(
            f"the store is not the one that this coordinator found at its start: it has the id"
            f" {store.identity}, and had {self.claimant.store}",
            hint="check where the address of the store leads; start the coordinator again if the"
            " change is meant",
        )

    def _wait_behind(self, view: View) -> None:
        record = view.record
        if view.is_renewed and record is not None and not self.bus.can_fence():
            raise ConfigError(
                f"another coordinator owns this installation: {record.name} on {record.host};"
                " a standby needs nats-server 2.11 or newer",
                hint="upgrade nats-server, or run one coordinator",
            )
        self._say(obstacle(self.claimant, record), record)

    def _say(self, obstacle: str, behind: LeaseRecord | None = None) -> None:
        before = self.waiting.sentence()
        if behind is not None:
            self.waiting.behind = behind
        self.waiting.obstacle = obstacle
        if self.waiting.sentence() != before:
            _LOG.info("standby_waits", state=self.waiting.sentence())

    async def _take(self, store: Store) -> Office | None:
        """Take the lease and raise the fences; None if another coordinator was faster."""
        await self.bus.ensure(subjects.STREAMS, ())
        if not self.adopts:
            await require_newest(self.bus, store, is_shared=bool(self.claimant.store_schema))
        fences = Fences(self.bus)
        # Before the lease is taken: an epoch that a lost record had must not come again.
        # The store remembers it as well, for brokers that lost their disks.
        fenced = await fences.read()
        highest = max(claimed(fenced), await store.epoch())
        installation = await self.installations.of(store, fenced=fenced, adopts=self.adopts)
        # Before the call: the term has to end before others may count this holder as silent.
        begun = clock.uptime()
        epoch = await self.lease.take(above=highest, installation=installation)
        if epoch is None:
            return None
        term = Term(epoch, begun=begun, ttl_s=self.lease.ttl_s)
        try:
            await fences.raise_to(epoch)
            # After the lease is won: coordinators that wait must not depose the one that acts.
            await store.begin(epoch, installation)
        except (LeaseLostError, StoreDeposedError):
            return None
        except StoreError:
            # Held on to, the lease would keep out coordinators that reach the store.
            with suppress(UnreachableError):
                await self.lease.release()
            raise
        waited = readable.span(clock.now() - self.waiting.since)
        _LOG.info("lease_taken", epoch=epoch, store=self.claimant.store, after=waited)
        bus = FencedBus(self.bus, term, fences)
        return Office(
            claimant=self.claimant,
            lease=self.lease,
            term=term,
            bus=bus,
            fences=fences,
            store=FencedStore(store, term),
            handover=self.handover,
        )
