"""The lease on NATS when the broker is away, loses the record, or loses an answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stt_coordinator.lease.nats import SUBJECT, NatsLease
from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import MAX_CLAIMED, LeaseRecord
from stt_shared.bus.memory import MemoryBroker, MemoryBus
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol import codec, subjects

TTL_S = 12.0
A = Claimant(holder="a", name="a", host="h", store="s")
B = Claimant(holder="b", name="b", host="h", store="s")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Lossy(MemoryBus):
    """A bus that stores a message and loses the answer as often as `losses` says."""

    losses = 0

    async def publish(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        receipts = await super().publish(messages)
        if self.losses:
            self.losses -= 1
            return [Receipt(publication=Publication.FAILED, reason="no answer")] * len(messages)
        return receipts


def lease(bus: MemoryBus, claimant: Claimant, clock: Clock) -> NatsLease:
    return NatsLease(bus, claimant, ttl_s=TTL_S, uptime=clock)


async def taken(one: NatsLease) -> int | None:
    await one.inspect()
    return await one.take()


async def test_time_without_an_answer_is_not_silence_of_the_holder() -> None:
    broker, clock = MemoryBroker(), Clock()
    await taken(lease(broker.connect(), A, clock))
    standby = lease(broker.connect(), B, clock)
    await standby.inspect()
    broker.down = True
    for _ in range(20):
        clock.now += 1.0
        with pytest.raises(UnreachableError):
            await standby.inspect()
    broker.down = False
    for _ in range(12):
        clock.now += 1.0
        assert not (await standby.inspect()).is_free
    clock.now += 2.0
    assert (await standby.inspect()).is_free


async def test_a_pause_of_the_standby_itself_is_silence_for_a_third_of_the_lease() -> None:
    broker, clock = MemoryBroker(), Clock()
    holder = lease(broker.connect(), A, clock)
    await taken(holder)
    standby = lease(broker.connect(), B, clock)
    await standby.inspect()
    for _ in range(3):
        clock.now += 60.0
        assert not (await standby.inspect()).is_free
    await holder.renew()
    for _ in range(3):
        clock.now += 60.0
        assert not (await standby.inspect()).is_free


async def test_a_silent_lease_stays_free_while_attempts_to_take_it_fail_slowly() -> None:
    broker, clock = MemoryBroker(), Clock()
    holder = lease(broker.connect(), A, clock)
    await taken(holder)
    standby = lease(broker.connect(), B, clock)
    await standby.inspect()
    for _ in range(12):
        clock.now += 1.0
        assert not (await standby.inspect()).is_free
    clock.now += 1.0
    assert (await standby.inspect()).is_free
    for _ in range(3):
        clock.now += 10.0  # a request of the attempt that nobody answered
        assert (await standby.inspect()).is_free
    broker.down = True
    with pytest.raises(UnreachableError):
        await standby.inspect()
    broker.down = False
    assert (await standby.inspect()).is_free
    # Its holder lives after all.
    assert await holder.renew()
    assert not (await standby.inspect()).is_free


async def test_a_renewal_whose_answer_was_lost_does_not_depose_its_holder() -> None:
    broker, clock = MemoryBroker(), Clock()
    bus = Lossy(broker)
    holder = lease(bus, A, clock)
    assert await taken(holder) == 1
    bus.losses = 1
    assert await holder.renew()
    assert await holder.renew()


async def test_a_lease_that_was_taken_without_an_answer_is_taken_again_with_another_epoch() -> None:
    broker, clock = MemoryBroker(), Clock()
    bus = Lossy(broker)
    one = lease(bus, A, clock)
    await one.inspect()
    bus.losses = 1
    with pytest.raises(UnreachableError, match="cannot be taken"):
        await one.take()
    assert (await one.inspect()).is_free
    assert await one.take() == 2


async def test_a_record_that_was_deleted_deposes_its_holder_and_is_free_for_others() -> None:
    broker, clock = MemoryBroker(), Clock()
    holder, standby = lease(broker.connect(), A, clock), lease(broker.connect(), B, clock)
    assert await taken(holder) == 1
    assert not (await standby.inspect()).is_free
    broker.streams["KV_stt_lease"].messages.clear()
    assert (await standby.inspect()).is_free
    assert not await holder.renew()
    assert await standby.take() == 2  # an epoch that this process has seen does not come again


async def test_a_record_that_cannot_be_read_is_written_anew() -> None:
    broker, clock = MemoryBroker(), Clock()
    one = lease(broker.connect(), A, clock)
    await one.inspect()
    await broker.connect().publish([Outgoing(subject=SUBJECT, data=b"\xff[[")])
    assert (await one.inspect()).is_free
    assert await one.take() == 1


@pytest.mark.parametrize("epoch", [2**63 - 1, 2**63 - 2, 10**18 - 1, MAX_CLAIMED + 1, 0, -5])
async def test_an_epoch_that_nobody_can_have_begun_is_followed_by_no_coordinator(
    epoch: int,
) -> None:
    broker, clock = MemoryBroker(), Clock()
    holder = lease(broker.connect(), A, clock)
    assert await taken(holder) == 1
    forged = LeaseRecord(holder="a", name="a", host="h", store="s", epoch=epoch)
    await broker.connect().publish([Outgoing(subject=SUBJECT, data=codec.encode(forged))])
    assert not await holder.renew()
    await holder.release()  # of the record as it was read last: its holder is the same
    assert await taken(holder) == 2


async def test_after_the_highest_epoch_that_is_believed_each_next_one_is_higher() -> None:
    broker, clock = MemoryBroker(), Clock()
    one = lease(broker.connect(), A, clock)
    await one.inspect()
    forged = LeaseRecord(holder="", name="a", host="h", store="s", epoch=MAX_CLAIMED)
    await broker.connect().publish([Outgoing(subject=SUBJECT, data=codec.encode(forged))])
    assert await taken(one) == MAX_CLAIMED + 1
    # The store has it by now, and names it at the next election.
    for number in range(2, 5):
        assert await one.take(above=MAX_CLAIMED + number - 1) == MAX_CLAIMED + number
    assert subjects.epoch_of(str(MAX_CLAIMED + number)) == MAX_CLAIMED + number
