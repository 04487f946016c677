"""Two coordinators in one process, on one broker and one store: a leader, and an active one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies
from stt_coordinator.lease.election import Election, Office
from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.joining import Joined, Joiner
from stt_coordinator.lease.memory import Held, MemoryLease
from stt_coordinator.lease.port import Claimant
from stt_coordinator.service import SignOfLife, stand_by
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Ledger, Store, StoreError, StoreFullError
from stt_coordinator.tasks.troubles import Troubles
from stt_shared.bus.memory import MemoryBroker
from stt_shared.lifecycle import cancelled
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import QUICK, catalogue, until

T = TypeVar("T")
TTL_S = 6.0
A = Claimant(holder="a1", name="a", host="one", store="s", store_schema=19)
B = Claimant(holder="b1", name="b", host="two", store="s", store_schema=19)
CHECKS = 2  # of MySQL in the catalogue of tests
TARGETS = tuple((f"t{number}", Family.MYSQL) for number in range(30))


class Link:
    """The way of one coordinator to the store."""

    def __init__(self) -> None:
        self.is_cut = False
        self.is_full = False
        self.open = asyncio.Event()
        self.open.set()
        self.waits = asyncio.Event()  # set by a transaction that waits until it is `open`
        self.written = 0  # transactions that write


class LinkedStore(MemoryStore):
    """A store that can be out of reach, full or slow for one coordinator alone."""

    def __init__(self, kept: Kept, link: Link) -> None:
        super().__init__(kept)
        self.link = link

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        if not self.link.open.is_set():
            self.link.waits.set()
            await self.link.open.wait()
        if self.link.is_cut:
            raise StoreError("no route to the store")
        if self.link.is_full:
            raise StoreFullError("no room on the disk")
        self.link.written += 1
        return await super().transact(work)

    async def read(self, work: Callable[[Ledger], T]) -> T:
        if self.link.is_cut:
            raise StoreError("no route to the store")
        return await super().read(work)


@dataclass
class Pair:
    """Two coordinators, wired as in service: `a` leads first, `b` is active."""

    path: Path
    ttl_s: float = TTL_S
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    kept: Kept = field(default_factory=lambda: Kept(identity="s"))
    held: Held = field(default_factory=Held)
    links: dict[str, Link] = field(default_factory=lambda: {"a": Link(), "b": Link()})
    contexts: dict[str, HandlerContext] = field(default_factory=dict[str, HandlerContext])
    troubles: dict[str, Troubles] = field(default_factory=dict[str, Troubles])
    parts: dict[str, Any] = field(default_factory=dict[str, Any])  # of what each is made
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def _election(self, claimant: Claimant) -> Election:
        bus, link = self.broker.connect(), self.links[claimant.name]

        async def opened() -> Store:
            if link.is_cut:
                raise StoreError("no route to the store")
            return LinkedStore(self.kept, link)

        return Election(
            bus=bus,
            lease=MemoryLease(self.held, claimant, ttl_s=self.ttl_s),
            claimant=claimant,
            open_store=opened,
            handover=Handover(self.path),
            joiner=Joiner(bus=bus, claimant=claimant, ttl_s=self.ttl_s, open_store=opened),
        )

    def _dependencies(self, office: Office | Joined) -> CoordinatorDependencies:
        name = office.claimant.name

        def page(context: HandlerContext, troubles: Troubles) -> Any:
            self.contexts[name], self.troubles[name] = context, troubles
            return asyncio.Event().wait

        return CoordinatorDependencies(
            bus=office.bus,
            store=office.store,
            office=office if isinstance(office, Office) else None,
            checks=catalogue,
            timing=replace(QUICK, lease_ttl_s=self.ttl_s),
            page=page,
            is_shared=True,
            **self.parts,
        )

    async def run(self, claimant: Claimant) -> None:
        """Be active or lead until the end."""
        election, sign = self._election(claimant), SignOfLife()
        while won := await stand_by(election, None, self.stop, self._dependencies, sign):
            office, working = won
            async with office.acting(self.stop) as ended:
                await cancelled(working)
                await Coordinator(self._dependencies(office)).run(ended)

    def leader(self) -> str:
        """The name in the lease."""
        return self.held.record.name if self.held.record is not None else ""

    @property
    def store(self) -> MemoryStore:
        """The store as nobody's coordinator sees it."""
        return MemoryStore(self.kept)


@asynccontextmanager
async def working(both: Pair) -> AsyncGenerator[Pair]:
    """Both at work: `a` leads, `b` has joined."""
    tasks = [asyncio.create_task(both.run(A))]
    try:
        await until(lambda: "a" in both.contexts)
        tasks.append(asyncio.create_task(both.run(B)))
        await until(lambda: "b" in both.contexts)
        yield both
    finally:
        both.stop.set()
        await asyncio.gather(*tasks)
