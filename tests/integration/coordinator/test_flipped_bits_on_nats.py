"""Bits that flip in what NATS keeps by key, or in announcements, are restored or left out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from stt_coordinator import coordinator
from stt_coordinator.lease.nats import STREAM as LEASE
from stt_coordinator.lease.nats import SUBJECT as LEASE_KEY
from stt_coordinator.lease.nats import NatsLease
from stt_coordinator.lease.record import LeaseRecord
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.messages import Announcement, ControlState, Value, Watermark
from stt_worker.outbox import sender as sending
from tests.support.coordinator.coordination import (
    NOW,
    SITE,
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    status,
    until,
)
from tests.support.coordinator.elections import A, B
from tests.support.coordinator.keeping import TARGETS, empty, keeping
from tests.support.coordinator.on_nats import connected, coordinating

SEED = 20261130
FLIPS = 24  # values, each with one to three bits
CONTROL = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
CONTROLS = subjects.kv_stream(subjects.BUCKET_CONTROL)
MARK = subjects.kv(subjects.BUCKET_WATERMARK, "w1")
MARKS = subjects.kv_stream(subjects.BUCKET_WATERMARK)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WATERMARK_EVERY_S", 0.1)
    monkeypatch.setattr(coordinator, "STREAMS_S", 0.2)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(SEED)  # noqa: S311  # repeatable faults, no secret


def flipped(data: bytes, dice: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        found[dice.randrange(len(found))] ^= 1 << dice.randrange(8)
    return bytes(found)


async def put(bus: JetStreamBus, key: str, data: bytes) -> None:
    (receipt,) = await bus.publish([Outgoing(subject=key, data=data)])
    assert receipt.publication is Publication.STORED


async def value(bus: JetStreamBus, stream: str, key: str) -> bytes:
    stored = await bus.last(stream, key)
    return stored.data if stored is not None else b""


def is_one(kind: type[Value], data: bytes) -> bool:
    try:
        codec.decode(kind, data)
    except ProtocolError:
        return False
    return True


@pytest.fixture
async def bus(broker: Running) -> AsyncGenerator[JetStreamBus]:
    async with connected(broker) as made:
        yield made


async def test_a_control_state_that_cannot_be_read_any_more_is_restored_each_time(
    bus: JetStreamBus, tmp_path: Path, dice: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    async with coordinating(bus, tmp_path), at_work(FakeWorker(bus=bus)):
        await finished(bus, (await enable(bus)).run_id)
        good = await value(bus, CONTROLS, CONTROL)
        for _ in range(FLIPS):
            # One that can be read is a state as any other: NATS itself compares what it stores.
            while is_one(ControlState, broken := flipped(good, dice)):
                pass
            await put(bus, CONTROL, broken)

            async def is_whole() -> bool:
                return await value(bus, CONTROLS, CONTROL) == good

            await until(is_whole)
            assert (await status(bus)).state == codec.decode(ControlState, good)
        run = await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply)
        assert (await finished(bus, run.run.run_id)).unanswered == 0
    assert capsys.readouterr().out.count("control_state_restored") == FLIPS


async def test_a_watermark_of_flipped_bits_is_written_again_and_the_outbox_empties(
    bus: JetStreamBus, tmp_path: Path, dice: random.Random
) -> None:
    async with (
        coordinating(bus, tmp_path / "c"),
        keeping(bus, tmp_path / "w1") as worker,
        at_work(worker),
    ):
        await until(lambda: known(bus))
        await finished(bus, (await enable(bus)).run_id)
        await empty(worker)
        good = await value(bus, MARKS, MARK)
        for _ in range(FLIPS):
            await put(bus, MARK, flipped(good, dice))

            async def is_mended() -> bool:
                mark = codec.decode(Watermark, found) if (found := await readable(bus)) else None
                stored = codec.decode(Watermark, good)
                return mark is not None and (mark.epoch, mark.sequence) == (
                    stored.epoch,
                    stored.sequence,
                )

            await until(is_mended)
        run = await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply)
        done = await finished(bus, run.run.run_id)
        assert (done.done, done.unanswered) == (len(TARGETS), 0)
        await empty(worker)


async def known(bus: JetStreamBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


async def readable(bus: JetStreamBus) -> bytes:
    found = await value(bus, MARKS, MARK)
    return found if is_one(Watermark, found) else b""


async def test_a_lease_of_flipped_bits_has_one_holder_at_a_time_and_its_epoch_increases(
    bus: JetStreamBus, dice: random.Random
) -> None:
    first, second = (NatsLease(bus, one, ttl_s=0.4) for one in (A, B))
    epoch = 0
    for _ in range(FLIPS):
        taken: list[tuple[int, NatsLease]] = []
        async with asyncio.timeout(60):
            while not taken:
                for lease in (first, second):
                    view = await lease.inspect()
                    found = await lease.take(above=epoch) if view.is_free else None
                    taken += [(found, lease)] if found is not None else []
                await asyncio.sleep(0.02)
        ((found, holder),) = taken
        assert found > epoch
        epoch = found
        await put(bus, LEASE_KEY, flipped(await value(bus, LEASE, LEASE_KEY), dice))
        # It stands down, unless the record still names it and its epoch: then it mends the record.
        if await holder.renew():
            record = codec.decode(LeaseRecord, await value(bus, LEASE, LEASE_KEY))
            assert record.epoch == epoch


async def test_an_announcement_of_flipped_bits_ends_nothing_and_the_next_whole_one_counts(
    bus: JetStreamBus, tmp_path: Path, dice: random.Random
) -> None:
    worker = FakeWorker(bus=bus)
    async with coordinating(bus, tmp_path), at_work(worker):
        await finished(bus, (await enable(bus)).run_id)
        whole = Announcement(
            worker=worker.name,
            site=SITE,
            version="1",
            started=NOW,
            at=clock.now(),
            targets=(),
            pack="",
            epoch=worker.epoch,
        )
        for _ in range(50 * FLIPS):
            data = flipped(codec.encode(msgspec.structs.replace(whole, leaving=True)), dice)
            await bus.send(subjects.announce(SITE, worker.name), data)
        # Announcements arrive in their order: with this one all of the flipped ones were read.
        last = msgspec.structs.replace(whole, worker="last")
        await bus.send(subjects.announce(SITE, "last"), codec.encode(last))

        async def is_read() -> bool:
            return any(one.worker == "last" for one in (await status(bus)).workers)

        await until(is_read)

        async def is_back() -> bool:
            one = next(one for one in (await status(bus)).workers if one.worker == worker.name)
            return one.state == "up" and one.targets == 1

        await until(is_back)
        run = await ask(bus, Verb.RUN, RunRequest(by="test"), RunReply)
        assert (await finished(bus, run.run.run_id)).unanswered == 0
