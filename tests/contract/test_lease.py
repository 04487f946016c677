"""What every lease promises its claimants: the one on NATS, and its twin in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from stt_coordinator.lease.memory import Held, MemoryLease
from stt_coordinator.lease.nats import NatsLease
from stt_coordinator.lease.port import Claimant, Lease
from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.protocol import subjects

TTL_S = 0.6
LOOK_S = TTL_S / 12
A = Claimant(holder="a1", name="a", host="one", store="s")
B = Claimant(holder="b1", name="b", host="two", store="s")


class Clock:
    """The uptime of all claimants, which only a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Leases:
    """Makes the view of each claimant on one lease."""

    bus: JetStreamBus | None
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._held = Held(uptime=self.clock)

    def of(self, claimant: Claimant) -> Lease:
        if self.bus is None:
            return MemoryLease(self._held, claimant, ttl_s=TTL_S)
        return NatsLease(self.bus, claimant, ttl_s=TTL_S, uptime=self.clock)

    async def free(self, lease: Lease, limit_s: float) -> bool:
        """Whether the lease becomes free while it is looked at for `limit_s` seconds."""
        ends = self.clock.now + limit_s
        while self.clock.now < ends:
            if (await lease.inspect()).is_free:
                return True
            self.clock.now += LOOK_S
        return False


@pytest.fixture(params=["memory", "nats"])
async def leases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Leases]:
    if request.param == "memory":
        yield Leases(None)
        return
    server = embedded_nats.start(tmp_path_factory.mktemp("nats"))
    bus = await connect(NatsOptions(servers=(server.url,)))
    await bus.ensure([subjects.LEASE], ())
    try:
        yield Leases(bus)
    finally:
        await bus.close()
        server.stop()


async def taken(lease: Lease, above: int = 0) -> int | None:
    await lease.inspect()
    return await lease.take(above=above)


async def test_the_first_claimant_gets_the_first_epoch_and_others_see_who_it_is(
    leases: Leases,
) -> None:
    first, second = leases.of(A), leases.of(B)
    assert (await first.inspect()).is_free
    assert await first.take() == 1
    view = await second.inspect()
    assert not view.is_free
    assert view.record is not None
    assert (view.record.holder, view.record.name, view.record.host) == ("a1", "a", "one")
    assert (view.record.store, view.record.epoch) == ("s", 1)


async def test_of_two_claimants_that_saw_a_free_lease_one_gets_it(leases: Leases) -> None:
    first, second = leases.of(A), leases.of(B)
    await first.inspect()
    await second.inspect()
    assert sorted(map(bool, [await first.take(), await second.take()])) == [False, True]


async def test_a_holder_that_renews_keeps_the_lease(leases: Leases) -> None:
    holder, standby = leases.of(A), leases.of(B)
    await taken(holder)
    for _ in range(9):
        assert await holder.renew()
        assert not await leases.free(standby, TTL_S / 3)
    assert (await standby.inspect()).is_renewed


async def test_a_silent_holder_loses_the_lease_and_learns_it(leases: Leases) -> None:
    holder, standby = leases.of(A), leases.of(B)
    await taken(holder)
    await standby.inspect()
    assert not await leases.free(standby, 0.5 * TTL_S)
    assert await leases.free(standby, 3 * TTL_S)
    assert await standby.take() == 2
    assert not await holder.renew()
    await holder.release()
    assert not (await leases.of(A).inspect()).is_free


async def test_a_released_lease_is_free_at_once_and_its_epoch_never_comes_again(
    leases: Leases,
) -> None:
    holder, standby = leases.of(A), leases.of(B)
    assert await taken(holder) == 1
    await holder.release()
    view = await standby.inspect()
    assert view.is_free
    assert view.record is not None
    assert (view.record.holder, view.record.store) == ("", "s")
    assert await standby.take() == 2


async def test_an_epoch_is_above_what_the_fences_name(leases: Leases) -> None:
    assert await taken(leases.of(A), above=7) == 8


async def test_the_holder_of_the_folder_s_lock_need_not_wait(leases: Leases) -> None:
    folder = "boot.1.2"
    await taken(leases.of(replace(A, folder=folder)))
    assert not (await leases.of(B).inspect()).is_free
    again = leases.of(replace(B, folder=folder))
    view = await again.inspect()
    assert (view.is_free, view.is_held) == (True, True)
    assert await again.take() == 2
