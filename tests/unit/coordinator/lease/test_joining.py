"""A coordinator that does not lead works in the epoch of the leader, and in no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import msgspec
import pytest

from stt_coordinator.lease.fence import Fences
from stt_coordinator.lease.joining import Joined, Joiner
from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Store, StoreDeposedError
from stt_shared import clock
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Watermark
from tests.support.coordinator.coordination import until
from tests.support.coordinator.store_rows import NOW

TTL_S = 0.6
ME = Claimant(holder="b1", name="b", host="two", store="s", store_schema=19)
JOB = Outgoing(subject="stt.v1.job.mysql.eu.t1", data=b"")


def record(epoch: int, holder: str = "a1") -> LeaseRecord:
    return LeaseRecord(
        holder=holder,
        name="a",
        host="one",
        store="s",
        epoch=epoch,
        since=NOW,
        store_schema=19,
        installation="i",
    )


@dataclass
class Installation:
    """A broker and a store that `lead` puts into the next epoch, as another coordinator does."""

    broker: MemoryBroker = field(default_factory=MemoryBroker)
    kept: Kept = field(default_factory=lambda: Kept(identity="s"))
    fences: Fences = field(init=False)

    def __post_init__(self) -> None:
        self.fences = Fences(self.bus)

    @property
    def bus(self) -> MemoryBus:
        return self.broker.connect()

    async def lead(self, epoch: int) -> None:
        await self.bus.ensure(subjects.STREAMS, ())
        await self.fences.read()
        await self.fences.raise_to(epoch)
        await MemoryStore(self.kept).begin(epoch, "i")

    def joiner(self, open_store: Callable[[], Awaitable[Store | None]] | None = None) -> Joiner:
        async def opened() -> Store:
            return MemoryStore(self.kept)

        return Joiner(bus=self.bus, claimant=ME, ttl_s=TTL_S, open_store=open_store or opened)


@asynccontextmanager
async def looking(joiner: Joiner, found: list[LeaseRecord | None]) -> AsyncGenerator[None]:
    """Look at the lease again and again; the last of `found` is its record."""

    async def look() -> None:
        while True:
            joiner.see(found[-1], clock.uptime())
            await asyncio.sleep(TTL_S / 30)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def joined_in(joiner: Joiner) -> Joined:
    return await asyncio.wait_for(joiner.joined(), 10)


async def test_it_joins_once_the_leader_has_begun_and_works_until_the_next_epoch() -> None:
    site = Installation()
    await site.lead(3)
    joiner, found = site.joiner(), [record(4)]
    async with looking(joiner, found):  # type: ignore[arg-type]  # a list of records alone
        waiting = asyncio.create_task(joined_in(joiner))
        await asyncio.sleep(TTL_S / 3)
        assert not waiting.done()  # epoch 4 is in the lease, and neither in fences nor in the store
        await site.lead(4)
        joined = await waiting
        async with joined.working() as ended:
            assert joiner.is_active
            await joined.store.transact(lambda ledger: ledger.runs.put_slot("s", NOW))
            (receipt,) = await joined.bus.publish([JOB])
            assert receipt.publication is Publication.STORED
            info = joined.info(())
            assert (info.name, info.epoch) == ("a", 4)
            await asyncio.sleep(2 * TTL_S)  # longer than a term that nobody prolongs
            joined.term.require()
            await site.lead(5)
            found.append(record(5))
            await asyncio.wait_for(ended.wait(), 10)
        assert joined.term.is_lost
        with pytest.raises(StoreDeposedError):
            await joined.store.transact(lambda ledger: ledger.runs.put_slot("s", NOW))
        (receipt,) = await joined.bus.publish([JOB])
        assert receipt.publication is Publication.FAILED
        assert (await joined_in(joiner)).term.epoch == 5


async def test_a_store_in_another_epoch_ends_its_work_before_the_lease_is_read_again() -> None:
    site = Installation()
    await site.lead(3)
    joiner = site.joiner()
    joiner.see(record(3), clock.uptime())
    joined = await joined_in(joiner)
    async with joined.working() as ended:
        site.kept.epoch = 2
        with pytest.raises(StoreDeposedError):
            await joined.store.transact_beside(lambda ledger: ledger.runs.put_slot("s", NOW))
        await asyncio.wait_for(ended.wait(), 10)
        with pytest.raises(UnreachableError):
            joined.term.require()


async def test_without_a_look_at_the_lease_it_writes_nothing_after_its_term() -> None:
    site = Installation()
    await site.lead(3)
    joiner = site.joiner()
    joiner.see(record(3), clock.uptime())
    joined = await joined_in(joiner)
    async with joined.working():
        await asyncio.sleep(TTL_S)
        with pytest.raises(UnreachableError, match="was not renewed"):
            joined.term.require()
        joiner.see(record(3), clock.uptime())
        joined.term.require()


async def test_fences_that_the_leader_wrote_again_are_read_again() -> None:
    site = Installation()
    await site.lead(3)
    joiner = site.joiner()
    joiner.see(record(3), clock.uptime())
    joined = await joined_in(joiner)
    async with joined.working() as ended:
        await site.lead(3)
        (receipt,) = await joined.bus.publish([JOB])
        assert receipt.publication is Publication.FAILED
        for _ in range(1_000):
            (receipt,) = await joined.bus.publish([JOB])
            if receipt.publication is Publication.STORED:
                break
            joiner.see(record(3), clock.uptime())
            await asyncio.sleep(0.01)
        assert receipt.publication is Publication.STORED
        assert not ended.is_set()


@pytest.mark.parametrize("what", ["older", "another"])
async def test_a_store_that_is_not_the_newest_is_not_joined_and_why_is_announced(
    what: str,
) -> None:
    site = Installation()
    await site.lead(3)
    store = MemoryStore(Kept(identity="s" if what == "older" else "t", epoch=3, installation="i"))
    mine = Watermark(worker="w1", epoch="e1", sequence=6)
    await store.transact(lambda ledger: ledger.results.put_watermarks([mine], NOW))
    newer = Watermark(worker="w1", epoch="e1", sequence=8)
    subject = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
    await site.bus.publish([Outgoing(subject=subject, data=codec.encode(newer))])

    async def opened() -> Store:
        return store

    joiner = site.joiner(opened)
    async with looking(joiner, [record(3)]):
        waiting = asyncio.create_task(joined_in(joiner))
        await until(lambda: joiner.obstacle)
        expected = "up to 6, and 8 were recorded" if what == "older" else "has the id t, and had s"
        assert expected in joiner.obstacle
        assert not joiner.is_active
        waiting.cancel()


async def test_a_leader_of_another_release_or_installation_is_not_joined() -> None:
    site = Installation()
    await site.lead(3)
    joiner = site.joiner()
    for changes in ({"store_schema": 20}, {"store_schema": 18}, {"installation": "other"}):
        joiner.see(msgspec.structs.replace(record(3), **changes), clock.uptime())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(joiner.joined(), 0.1)
        assert not joiner.is_active
    assert "an installation with another NATS" in joiner.obstacle


async def test_the_own_lease_and_one_that_was_released_are_not_joined() -> None:
    site = Installation()
    await site.lead(3)
    for found in (None, record(3, holder=""), record(3, holder=ME.holder)):
        joiner = site.joiner()
        joiner.see(found, clock.uptime())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(joiner.joined(), 0.1)
