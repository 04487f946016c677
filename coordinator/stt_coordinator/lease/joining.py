"""Join the epoch of the leader: what a coordinator works with that is active and does not lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from stt_coordinator.lease.copies import require_newest
from stt_coordinator.lease.fence import FencedBus, Fences
from stt_coordinator.lease.fenced_store import FencedStore, StoreWatch
from stt_coordinator.lease.port import RENEWALS, Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.lease.term import Term
from stt_coordinator.store.port import Store, StoreDeposedError, StoreError
from stt_shared.bus.port import Bus
from stt_shared.errors import ConfigError, ProtocolError, UnreachableError
from stt_shared.lifecycle import awaited_task, cancelled
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby
from stt_shared.telemetry.logs import logger

NO_LONGER = "another coordinator leads"
_OBSTACLES = (UnreachableError, StoreError, ProtocolError, ConfigError)
_LOG = logger("lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An active coordinator in the epoch of its leader: a bus and a store that are fenced by it."""

    claimant: Claimant
    leader: LeaseRecord
    term: Term
    bus: FencedBus
    fences: Fences
    store: Store
    ttl_s: float

    def info(self, others: tuple[Standby, ...]) -> CoordinatorInfo:
        """What status, page and doctor show of the leader and the others."""
        one = self.leader
        return CoordinatorInfo(
            name=one.name,
            host=one.host,
            epoch=one.epoch,
            since=one.since or self.term.since,
            store=one.store,
            fenced=self.bus.can_fence(),
            standbys=others,
        )

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[asyncio.Event, None]:
        """Follow the epoch while the block lasts, then close the store.

        The event is set when the block has to end, since the epoch is over.
        """
        ended = asyncio.Event()
        following = awaited_task(self._follow(), "epoch")
        following.add_done_callback(lambda _task: ended.set())
        watching = awaited_task(self._watch(), "store")
        _LOG.info("epoch_joined", epoch=self.term.epoch, leader=self.leader.name)
        try:
            yield ended
        finally:
            self.term.lose(NO_LONGER)
            await cancelled([following, watching])
            await self.store.close()
        for task in (following, watching):
            if not task.cancelled():
                task.result()  # raises what nobody foresaw

    async def _watch(self) -> None:
        """End the term if the store is out of reach: others have to get the deliveries held here.

        Its obstacle is then why the next epoch, or this one, cannot be joined.
        """
        watch = StoreWatch(self.store, self.ttl_s)
        while not self.term.is_lost:
            if reason := await watch.inspect():
                self.term.lose(reason)
            else:
                await asyncio.sleep(self.ttl_s / RENEWALS)

    async def _follow(self) -> None:
        term = self.term
        while True:
            await term.doubted.wait()
            term.doubted.clear()
            if term.is_lost:
                break
            try:
                # The leader may have written its fences again, as in a stream that was made anew.
                if await self.fences.read() != term.epoch:
                    term.lose(NO_LONGER)
            except UnreachableError:
                await asyncio.sleep(self.ttl_s / RENEWALS)
                term.doubted.set()
        _LOG.info("epoch_left", epoch=term.epoch, reason=term.lost_by)


@dataclass(slots=True, kw_only=True)
class Joiner:
    """Joins each epoch of another coordinator; `open_store` returns None if it cannot be shared."""

    bus: Bus
    claimant: Claimant
    ttl_s: float
    open_store: Callable[[], Awaitable[Store | None]]
    obstacle: str = ""  # why it could not join last
    changes: int = 0  # what it committed: announced to the leader
    troubles: Callable[[], tuple[str, ...]] = tuple  # what does not work here while it is active
    _record: LeaseRecord | None = None
    _seen: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _term: Term | None = None

    @property
    def is_active(self) -> bool:
        """Whether it works in an epoch now."""
        return self._term is not None and not self._term.is_lost

    def hindrance(self) -> str:
        """What does not work here, or why it cannot join; empty: nothing."""
        return next(iter(self.troubles()), "") if self.is_active else self.obstacle

    def see(self, record: LeaseRecord | None, at: float) -> None:
        """Note the lease as it was read at `at`, in seconds of uptime.

        Read again and again with the same epoch it prolongs the term; another epoch ends it.
        """
        self._record, self._seen = record, at
        self._news.set()
        if self._term is None:
            return
        if record is not None and record.epoch == self._term.epoch:
            self._term.renewed(at)
        else:
            self._term.lose(NO_LONGER)

    async def joined(self) -> Joined:
        """Wait until an epoch of another coordinator is joined."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                found = await self._join()
            except _OBSTACLES as error:
                self._note(error.message)
            else:
                self._note("")
                if found is not None:
                    return found

    def _note(self, obstacle: str) -> None:
        if obstacle and obstacle != self.obstacle:
            _LOG.warning("epoch_not_joined", reason=obstacle)
        self.obstacle = obstacle

    async def _join(self) -> Joined | None:
        record, seen = self._record, self._seen
        # Released: whoever sees that takes it at once.
        if record is None or record.holder in ("", self.claimant.holder):
            return None
        # Of another release: whoever is newer waits for its end, whoever is older ends.
        if record.store_schema != self.claimant.store_schema:
            return None
        fences = Fences(self.bus)
        if await fences.read() != record.epoch:
            return None  # the leader has not begun yet
        store = await self.open_store()
        if store is None:
            return None
        try:
            await self._require_newest(store)
            # Compared by each later transaction: none is committed once the next epoch has begun.
            await store.join(record.epoch)
            await self._require_same_installation(store, record)
        except StoreDeposedError:
            await store.close()
            return None  # it takes over at this moment, or another one after it
        except BaseException:
            await store.close()
            raise
        self._term = term = Term(record.epoch, begun=seen, ttl_s=self.ttl_s)
        return Joined(
            claimant=self.claimant,
            leader=record,
            term=term,
            bus=FencedBus(self.bus, term, fences),
            fences=fences,
            store=FencedStore(store, term),
            ttl_s=self.ttl_s,
        )

    async def _require_same_installation(self, store: Store, record: LeaseRecord) -> None:
        """Raise ConfigError if the epoch of the store is one of a coordinator on another NATS."""
        if await store.installation() != record.installation:
            raise ConfigError(
                f"the store {store.identity} belongs to an installation with another NATS"
            )

    async def _require_newest(self, store: Store) -> None:
        """Raise ConfigError for another store than at the start, or one that lacks results."""
        if store.identity != self.claimant.store:
            raise ConfigError(
                f"the store has the id {store.identity}, and had {self.claimant.store} at the start"
            )
        # What is acknowledged here is gone on NATS: it has to be in the store that workers believe.
        await require_newest(self.bus, store, is_shared=True)
