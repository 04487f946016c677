"""What both buses promise about fences and successors of consumers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import NoReplyError, Outgoing, Publication, Request
from stt_shared.errors import UnreachableError
from stt_shared.identity import digest
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from tests.support.shared.buses import AnyBus

STORED, CONFLICT = Publication.STORED, Publication.CONFLICT
WAIT_S = 60.0


class Names:
    """A stream of one test alone that takes one message a subject, as jobs do."""

    def __init__(self, test: str) -> None:
        self.root = f"f{digest(test.encode())[:12]}"
        self.fences = f"{self.root}.fence.>"
        self.stream = StreamSpec(
            name=self.root.upper(),
            subjects=(f"{self.root}.>",),
            retention="workqueue",
            max_msgs_per_subject=1,
            discard_new_per_subject=True,
            max_bytes=1 << 22,
            allow_direct=True,
            allow_atomic=True,
        )
        self.limits = replace(self.stream, retention="limits", discard_new_per_subject=False)

    def fence(self, epoch: int, behind: int) -> Outgoing:
        subject = f"{self.root}.fence.{epoch}"
        return Outgoing(
            subject=subject,
            data=str(epoch).encode(),
            expected_last=behind,
            expected_of=self.fences,
        )

    def message(self, tail: str, fence: int | None = None) -> Outgoing:
        one = Outgoing(subject=f"{self.root}.{tail}", data=tail.encode(), message_id=tail)
        if fence is None:
            return one
        return replace(one, expected_last=fence, expected_of=self.fences)

    def consumer(self, epoch: int) -> ConsumerSpec:
        return ConsumerSpec(stream=self.stream.name, name=f"r-{epoch}")


def rank(name: str) -> int | None:
    return int(name.removeprefix("r-")) if name.startswith("r-") else None


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    return Names(request.node.name)


async def test_a_message_behind_an_old_fence_is_refused_alone_and_among_many(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.stream], [])
    (old,) = await bus.publish([names.fence(1, 0)])
    first = await bus.publish([names.message(f"a{n}", old.sequence) for n in range(3)])
    (new,) = await bus.publish([names.fence(2, old.sequence)])
    late = await bus.publish([names.message(f"b{n}", old.sequence) for n in range(3)])
    late += await bus.publish([names.message("c", old.sequence)])
    current = await bus.publish([names.message(f"d{n}", new.sequence) for n in range(3)])
    assert {one.publication for one in (*first, *current)} == {STORED}
    assert [one.publication for one in late] == [CONFLICT] * 4
    assert await bus.last(names.stream.name, f"{names.root}.b0") is None


async def test_of_two_that_raise_one_fence_exactly_one_wins(bus: AnyBus, names: Names) -> None:
    await bus.ensure([names.stream], [])
    receipts = await bus.publish([names.fence(1, 0), names.fence(2, 0)])
    assert sorted(one.publication for one in receipts) == [CONFLICT, STORED]


async def test_the_last_of_several_subjects_is_the_newest_message(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.stream], [])
    (one,) = await bus.publish([names.fence(1, 0)])
    (two,) = await bus.publish([names.fence(2, one.sequence)])
    last = await bus.last(names.stream.name, names.fences)
    assert last is not None
    assert (last.data, last.sequence) == (b"2", two.sequence)


async def test_a_successor_gets_what_was_not_acknowledged_and_late_acknowledgements_do_nothing(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.limits], [])
    stream = names.stream.name
    await bus.succeed(names.consumer(1), rank)
    await bus.publish([names.message(f"m{n}") for n in range(4)])
    async with bus.consume(stream, "r-1", capacity=8) as inbox:
        held = await inbox.take(4, wait=WAIT_S, linger=0.2)
        await inbox.ack(held[:2])
        await bus.succeed(names.consumer(2), rank)
        if isinstance(bus, JetStreamBus):  # the memory bus has nobody who would not answer
            with pytest.raises(UnreachableError, match="not confirmed"):
                await inbox.ack(held[2:])
        else:
            await inbox.ack(held[2:])
        async with bus.consume(stream, "r-2", capacity=8) as successor:
            again = await successor.take(4, wait=WAIT_S, linger=0.2)
            await successor.ack(again)
    assert [one.data for one in again] == [b"m2", b"m3"]
    # Made again after a crash in between, it goes on where it was.
    await bus.succeed(names.consumer(2), rank)
    await bus.publish([names.message("m4")])
    async with bus.consume(stream, "r-2", capacity=8) as successor:
        assert [one.data for one in await successor.take(4, wait=WAIT_S)] == [b"m4"]


async def test_the_message_up_to_which_everything_was_acknowledged_is_read(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.limits], [ConsumerSpec(stream=names.stream.name, name="other")])
    stream = names.stream.name
    assert await bus.acknowledged(stream, rank) is None
    await bus.succeed(names.consumer(1), rank)
    sent = await bus.publish([names.message(f"m{n}") for n in range(4)])
    assert await bus.acknowledged(stream, rank) is None
    async with bus.consume(stream, "r-1", capacity=8) as inbox:
        held = await inbox.take(4, wait=WAIT_S, linger=0.2)
        await inbox.ack([held[0], held[1], held[3]])  # the third is delivered again
    found = await bus.acknowledged(stream, rank)
    assert found is not None
    assert (found.data, found.sequence) == (b"m1", sent[1].sequence)
    # The next epoch begins behind it.
    await bus.succeed(names.consumer(2), rank)
    assert await bus.acknowledged(stream, rank) == found
    await bus.delete(stream, f"{names.root}.m1", sent[3].sequence)
    assert await bus.acknowledged(stream, rank) is None


async def test_a_consumer_that_is_no_predecessor_stays(bus: AnyBus, names: Names) -> None:
    stream = names.stream.name
    other = ConsumerSpec(stream=stream, name="other")
    await bus.ensure([names.limits], [other])
    await bus.succeed(names.consumer(1), rank)
    await bus.publish([names.message("m")])
    async with bus.consume(stream, "other", capacity=8) as inbox:
        assert [one.data for one in await inbox.take(1, wait=WAIT_S)] == [b"m"]


async def test_consumers_are_deleted_by_their_names_and_no_others(
    bus: AnyBus, names: Names
) -> None:
    left, kept = names.consumer(1), names.consumer(2)
    await bus.ensure([names.limits], [left, kept])
    dropped = await bus.drop(left.stream, lambda name: name == left.name)
    assert dropped == (left.name,)
    assert await bus.drop(left.stream, lambda name: name == left.name) == ()
    seen: set[str] = set()

    def is_dropped(name: str) -> bool:
        seen.add(name)
        return False

    await bus.drop(left.stream, is_dropped)
    assert kept.name in seen
    await bus.publish([Outgoing(subject=f"{names.root}.a", data=b"1")])
    await bus.ensure([], [left])
    async with bus.consume(left.stream, left.name, capacity=8) as inbox:
        (delivery,) = await inbox.take(8, wait=5)
        assert delivery.data == b"1", "a consumer that is made anew begins with what is there"


async def test_without_a_reply_another_group_answers(bus: AnyBus, names: Names) -> None:
    subject = f"{names.root}.ask"

    async def silent(_request: Request) -> bytes:
        raise NoReplyError

    async def answers(request: Request) -> bytes:
        return request.data

    async with bus.serve({subject: silent}, group="old"):
        with pytest.raises(UnreachableError):
            await bus.request(subject, b"x", timeout=0.3)
        async with bus.serve({subject: answers}, group="new"):
            for _ in range(5):
                assert await bus.request(subject, b"x", timeout=WAIT_S) == b"x"
