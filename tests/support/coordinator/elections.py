"""Coordinators that want to act, on buses and leases in memory."""

from __future__ import annotations

from pathlib import Path

from stt_coordinator.lease.election import Election
from stt_coordinator.lease.handover import Handover
from stt_coordinator.lease.memory import Held, MemoryLease
from stt_coordinator.lease.port import Claimant
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store
from stt_shared.bus.memory import MemoryBus

TTL_S = 0.6
A = Claimant(holder="a1", name="a", host="one", store="s")
B = Claimant(holder="b1", name="b", host="two", store="s")


def election(
    bus: MemoryBus, held: Held, claimant: Claimant, folder: Path, *, adopts: bool = False
) -> Election:
    async def open_store() -> Store:
        return MemoryStore(Kept(identity=claimant.store))

    return Election(
        bus=bus,
        lease=MemoryLease(held, claimant, ttl_s=TTL_S),
        claimant=claimant,
        open_store=open_store,
        handover=Handover(folder),
        adopts=adopts,
    )
