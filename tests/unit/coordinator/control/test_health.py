"""The coordinator tells its own health, also when its store fails it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import msgspec

from stt_coordinator.control.queries.health import MAX_CONSUMERS, MAX_SITES
from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, StoreError
from stt_coordinator.store.ports.results import Rejected
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.protocol import codec
from stt_shared.protocol.control import Empty, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.queries.health import HealthReply
from tests.support.coordinator.coordination import FakeWorker, ask, at_work, running, status, until

T = TypeVar("T")
TARGETS = (("ledger", Family.POSTGRESQL), ("orders", Family.MYSQL))


async def health(bus: MemoryBus) -> HealthReply:
    return await ask(bus, Verb.HEALTH, Empty(), HealthReply)


async def test_a_coordinator_in_order_has_nothing_to_tell() -> None:
    broker = MemoryBroker()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect(), targets=TARGETS)
    async with running(bus, MemoryStore()), at_work(worker):
        await until(lambda: _known(bus))
        found = await health(bus)
    assert all(part.is_well for part in found.parts)
    assert (found.troubles, found.pack_troubles) == ((), ())
    assert (found.refused, found.unserved, found.pack_source) == ({}, {}, "")
    assert found.store.sound
    assert found.checks > 0
    assert abs(clock.now() - found.now) < timedelta(minutes=1)
    assert set(found.skews) == {"w1"}


async def _known(bus: MemoryBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


async def test_refused_messages_and_sites_without_a_worker_are_counted() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    worker = FakeWorker(bus=broker.connect(), targets=TARGETS)

    def leave(ledger: Ledger) -> None:
        ledger.fleet.put_workers(
            [msgspec.structs.replace(w, state="down") for w in ledger.fleet.workers()]
        )

    async def unserved() -> bool:
        await store.transact(leave)  # again: an announcement may have been on its way
        return (await health(bus)).unserved == {"eu-west": 2}

    bad = Rejected(subject="stt.v1.result.x", code="unusable", reason="", at=clock.now(), data=b"")
    await store.transact(lambda ledger: ledger.results.add_rejected([bad]))
    async with running(bus, store):
        async with at_work(worker):
            await until(lambda: _known(bus))
        await until(unserved)
        assert (await health(bus)).refused == {"unusable": 1}


class Broken(MemoryStore):
    """Fails every read once the test asks for it."""

    broken = False

    async def read(self, work: Callable[[Ledger], T]) -> T:
        if self.broken:
            raise StoreError("cannot use the store (disk I/O error)")
        return await super().read(work)


async def test_a_failing_store_is_reported_and_the_request_still_answered() -> None:
    broker, store = MemoryBroker(), Broken()
    bus = broker.connect()
    async with running(bus, store):
        store.broken = True
        found = await health(bus)
    seen = [part.seen for part in found.parts if not part.is_well]
    assert "cannot use the store (disk I/O error)" in seen


async def test_a_reply_fits_into_one_message_whatever_was_announced() -> None:
    store = MemoryStore()
    sites = [f"{'s' * 55}{number:05}" for number in range(2_200)]
    rows = [
        TargetRecord(target=f"t{n}", family=Family.MYSQL, site=site, first_seen=clock.now())
        for n, site in enumerate(sites)
    ]
    await store.transact(lambda ledger: ledger.fleet.put_targets(rows))
    broker = MemoryBroker()
    bus = broker.connect()
    async with running(bus, store):
        found = await health(bus)
    assert len(codec.encode(found)) < codec.MAX_MESSAGE_BYTES / 2
    of_results = 1
    assert (len(found.unserved), len(found.consumers)) == (MAX_SITES, of_results + MAX_CONSUMERS)
