"""What both buses promise: JetStream on a real server, and its in-process twin."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from stt_shared import clock
from stt_shared.bus.values import Outgoing, Publication, Request, RequestError
from stt_shared.errors import UnreachableError
from stt_shared.identity import digest
from stt_shared.pack import transfer
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol import subjects
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from tests.support.shared.buses import AnyBus

STORED, DUPLICATE = Publication.STORED, Publication.DUPLICATE
WAIT_S = 60.0


class Names:
    """Streams and subjects of one test alone: the server is shared by the whole session."""

    def __init__(self, test: str) -> None:
        self.root = f"c{digest(test.encode())[:12]}"
        self.stream = StreamSpec(
            name=self.root.upper(), subjects=(f"{self.root}.>",), max_bytes=1 << 22
        )
        self.queue = replace(
            self.stream,
            retention="workqueue",
            max_msgs_per_subject=1,
            discard_new_per_subject=True,
        )
        self.consumer = ConsumerSpec(stream=self.stream.name, name="c")

    def message(self, tail: str, **more: object) -> Outgoing:
        one = Outgoing(subject=f"{self.root}.{tail}", data=tail.encode())
        return replace(one, **more)  # type: ignore[arg-type]


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    return Names(request.node.name)


async def test_a_message_with_a_known_id_is_stored_once(bus: AnyBus, names: Names) -> None:
    await bus.ensure([names.stream], [])
    message = names.message("a", message_id="1")
    first, second = await bus.publish([message, message])
    assert [first.publication, second.publication] == [STORED, DUPLICATE]
    assert first.sequence == second.sequence


async def test_receipts_come_in_the_order_of_the_messages(bus: AnyBus, names: Names) -> None:
    await bus.ensure([names.stream], [])
    receipts = await bus.publish([names.message(f"m{n}") for n in range(1_200)])
    assert [receipt.sequence for receipt in receipts] == list(range(1, 1_201))


async def test_a_message_that_no_stream_takes_is_a_failure_with_a_reason(
    bus: AnyBus, names: Names
) -> None:
    (receipt,) = await bus.publish([names.message("a")])
    assert receipt.publication is Publication.FAILED
    assert "no stream for this subject" in receipt.reason


async def test_of_two_that_expect_an_empty_subject_exactly_one_wins(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([replace(names.stream, allow_direct=True)], [])
    one, two = (names.message("tick", expected_last=0, data=d) for d in (b"1", b"2"))
    receipts = await bus.publish([one]) + await bus.publish([two])
    assert [r.publication for r in receipts] == [STORED, Publication.CONFLICT]
    kept = await bus.last(names.stream.name, one.subject)
    assert kept is not None
    assert (kept.data, kept.sequence) == (b"1", receipts[0].sequence)


async def test_a_subject_with_an_outstanding_job_takes_no_second_one(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.queue], [names.consumer])
    one, two = names.message("job", message_id="1"), names.message("job", message_id="2")
    receipts = await bus.publish([one, two, names.message("other")])
    assert [r.publication for r in receipts] == [STORED, Publication.OCCUPIED, STORED]
    async with bus.consume(names.queue.name, "c", capacity=4) as inbox:
        taken = await inbox.take(4, wait=WAIT_S, linger=0.2)
        assert sorted(d.data for d in taken) == [b"job", b"other"]
        await inbox.ack(taken)
    (again,) = await bus.publish([two])
    assert again.publication is STORED


async def test_last_without_its_stream_is_unreachable(bus: AnyBus, names: Names) -> None:
    with pytest.raises(UnreachableError):
        await bus.last(names.stream.name, f"{names.root}.nothing")


async def test_last_of_an_empty_subject_is_none(bus: AnyBus, names: Names) -> None:
    await bus.ensure([replace(names.stream, allow_direct=True)], [])
    assert await bus.last(names.stream.name, f"{names.root}.nothing") is None


async def test_the_last_value_is_what_was_written_last(bus: AnyBus, names: Names) -> None:
    spec = replace(names.stream, allow_direct=True, max_msgs_per_subject=1, discard="old")
    await bus.ensure([spec], [])
    for data in (b"one", b"two"):
        await bus.publish([names.message("key", data=data)])
    kept = await bus.last(spec.name, f"{names.root}.key")
    assert kept is not None
    assert kept.data == b"two"


async def test_the_clock_of_the_server_is_that_of_its_machine(bus: AnyBus, names: Names) -> None:
    await bus.ensure([names.stream], [])
    before = clock.now()
    found = await bus.now(names.stream.name)
    assert before <= found <= clock.now()


async def test_the_clock_of_a_server_that_does_not_know_the_stream_is_unknown(
    bus: AnyBus, names: Names
) -> None:
    with pytest.raises(UnreachableError):
        await bus.now(names.stream.name)


async def test_a_consumer_gets_what_lay_there_before_and_only_what_it_filters(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.stream], [])
    await bus.publish([names.message("x.1"), names.message("y.1"), names.message("x.2")])
    filtered = replace(names.consumer, filter_subject=f"{names.root}.x.>")
    await bus.ensure([], [filtered])
    async with bus.consume(names.stream.name, "c", capacity=10) as inbox:
        taken = await inbox.take(10, wait=WAIT_S, linger=0.2)
    assert [(d.data, d.delivered) for d in taken] == [(b"x.1", 1), (b"x.2", 1)]
    assert [d.sequence for d in taken] == [1, 3]


async def test_what_is_given_back_comes_again_with_a_higher_count(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.queue], [names.consumer])
    await bus.publish([names.message("job")])
    async with bus.consume(names.queue.name, "c", capacity=4) as inbox:
        (first,) = await inbox.take(1, wait=WAIT_S)
        await inbox.retry(first, delay=0.01)
        (second,) = await inbox.take(1, wait=WAIT_S)
        assert (first.delivered, second.delivered) == (1, 2)
        await inbox.end(second)
        assert await inbox.take(1, wait=0.2) == []


async def test_no_more_are_held_than_there_is_room_for(bus: AnyBus, names: Names) -> None:
    await bus.ensure([names.stream], [names.consumer])
    await bus.publish([names.message(f"m{n}") for n in range(9)])
    async with bus.consume(names.stream.name, "c", capacity=4) as inbox:
        taken = await inbox.take(9, wait=WAIT_S, linger=0.3)
        assert len(taken) == 4
        await inbox.ack(taken)
        more: list[bytes] = []
        async with asyncio.timeout(WAIT_S):
            while len(more) < 5:
                some = await inbox.take(9, wait=1)
                await inbox.ack(some)
                more += [d.data for d in some]
    assert sorted(more) == [b"m4", b"m5", b"m6", b"m7", b"m8"]


async def test_what_is_stored_is_republished_for_listeners(bus: AnyBus, names: Names) -> None:
    spec = replace(names.stream, republish=(f"{names.root}.>", f"e{names.root}.>"))
    await bus.ensure([spec], [])
    async with bus.listen(f"e{names.root}.*") as heard:
        await bus.publish([names.message("a")])
        async with asyncio.timeout(WAIT_S):
            message = await anext(heard)
    assert (message.subject, message.data) == (f"e{names.root}.a", b"a")


async def test_listeners_hear_what_is_sent_and_nothing_else(bus: AnyBus, names: Names) -> None:
    async with bus.listen(f"{names.root}.*.x") as heard:
        for tail in ("a.y", "a.b.x", "a.x"):
            await bus.send(f"{names.root}.{tail}", tail.encode())
        async with asyncio.timeout(WAIT_S):
            assert (await anext(heard)).data == b"a.x"


async def test_messages_of_a_subject_are_deleted_below_a_sequence(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([replace(names.stream, allow_direct=True)], [])
    receipts = await bus.publish([names.message(f"{tail}.w1") for tail in ("a", "b", "a")])
    receipts += await bus.publish([names.message("a.w2"), names.message("c.w1")])
    await bus.delete(names.stream.name, f"{names.root}.*.w1", receipts[-1].sequence)
    left = [await bus.last(names.stream.name, f"{names.root}.{tail}.w1") for tail in ("a", "b")]
    assert left == [None, None]
    for tail in ("a.w2", "c.w1"):
        assert await bus.last(names.stream.name, f"{names.root}.{tail}") is not None
    with pytest.raises(UnreachableError):
        await bus.delete("NOWHERE", f"{names.root}.>", 1)


async def test_what_a_consumer_has_not_acknowledged_is_not_deleted_for_it(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([replace(names.stream, allow_direct=True)], [names.consumer])
    for tail in ("a", "b", "c"):
        await bus.publish([names.message(tail)])

    async def delete() -> int:
        return await bus.delete(
            names.stream.name, f"{names.root}.>", 2**31, consumer=names.consumer
        )

    async def left() -> list[bool]:
        found = [await bus.last(names.stream.name, f"{names.root}.{one}") for one in "abc"]
        return [one is not None for one in found]

    async with bus.consume(names.stream.name, names.consumer.name, capacity=8) as inbox:
        given = await inbox.take(3, wait=5, linger=1)
        assert len(given) == 3
        assert await delete() == given[0].sequence
        assert await left() == [True, True, True]
        await inbox.ack([given[0], given[2]])
        assert await delete() == given[1].sequence
        assert await left() == [False, True, True]


async def test_a_request_is_answered_by_its_handler_or_refused_with_a_code(
    bus: AnyBus, names: Names
) -> None:
    async def answer(request: Request) -> bytes:
        if request.data == b"no":
            raise RequestError("bad_request", "that is no request")
        return request.data.upper()

    subject = f"{names.root}.control.run"
    async with bus.serve({subject: answer}):
        assert await bus.request(subject, b"yes", timeout=WAIT_S) == b"YES"
        with pytest.raises(RequestError) as caught:
            await bus.request(subject, b"no", timeout=WAIT_S)
    assert (caught.value.code, caught.value.message) == ("bad_request", "that is no request")
    with pytest.raises(UnreachableError, match="no service answers on"):
        await bus.request(subject, b"yes", timeout=1)


async def test_a_pack_is_got_back_whole_by_its_digest_and_a_new_signature_replaces_the_old(
    bus: AnyBus,
) -> None:
    packs = next(spec for spec in subjects.STREAMS if spec.name == subjects.STREAM_PACKS)
    await bus.ensure([packs], [])
    parcel = Parcel(data=bytes(range(256)) * 5_000, signature="a")
    assert await transfer.get(bus, digest(b"nothing")) is None
    for signature in ("a", "a", "b", None):
        await transfer.put(bus, replace(parcel, signature=signature))
        assert await transfer.get(bus, parcel.digest) == replace(parcel, signature=signature)


async def test_deliveries_that_were_taken_and_not_answered_go_back_when_the_inbox_ends(
    bus: AnyBus, names: Names
) -> None:
    await bus.ensure([names.stream], [names.consumer])
    await bus.publish([names.message(tail) for tail in ("a", "b", "c")])
    for _ in range(2):  # far sooner than the lease of a delivery ends
        async with bus.consume(names.stream.name, names.consumer.name, capacity=8) as inbox:
            assert len(await inbox.take(3, wait=10, linger=1)) == 3
