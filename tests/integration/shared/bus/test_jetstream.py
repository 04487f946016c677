"""The bus on a real nats-server: it comes back from every loss and loses nothing on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats as nats_client
import pytest

from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect, link
from stt_shared.bus.values import Outgoing, Publication, Receipt, Request, RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from tests.servers.listeners import listening, silence

STREAM = StreamSpec(name="T", subjects=("t.>",), max_bytes=1 << 24)
CONSUMER = ConsumerSpec(stream="T", name="c", ack_wait=timedelta(seconds=2))
LIMIT_S = 60.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Running]:
    running = nats.start(tmp_path / "nats")
    yield running
    running.stop()


@pytest.fixture
async def bus(broker: Running) -> AsyncIterator[JetStreamBus]:
    connected = await connect(NatsOptions(servers=(broker.url,)))
    yield connected
    await connected.close()


def messages(number: int, first: int = 0) -> list[Outgoing]:
    return [
        Outgoing(subject=f"t.{n}", data=b"%d" % n, message_id=f"id-{n}")
        for n in range(first, first + number)
    ]


async def published(bus: JetStreamBus, wanted: list[Outgoing]) -> None:
    """Publish until everything is stored, as every caller of the port does."""
    async with asyncio.timeout(LIMIT_S):
        while wanted:
            receipts = await bus.publish(wanted)
            wanted = [m for m, r in zip(wanted, receipts, strict=True) if not good(r)]
            if wanted:
                await asyncio.sleep(0.1)


def good(receipt: Receipt) -> bool:
    return receipt.publication in {Publication.STORED, Publication.DUPLICATE}


async def test_nothing_is_lost_when_the_server_is_killed_while_publishing_and_consuming(
    broker: Running, bus: JetStreamBus
) -> None:
    assert await bus.ensure([STREAM], [CONSUMER]) == ()
    seen: set[bytes] = set()

    async def consume() -> None:
        async with bus.consume("T", "c", capacity=64) as inbox:
            while len(seen) < 600:
                taken = await inbox.take(64, wait=1)
                seen.update(delivery.data for delivery in taken)
                try:
                    await inbox.ack(taken)
                except UnreachableError:
                    continue

    consumer = asyncio.create_task(consume())
    for first in range(0, 600, 200):
        await published(bus, messages(200, first))
        broker.kill()
        broker.restart()
    async with asyncio.timeout(LIMIT_S):
        await consumer
    assert len(seen) == 600


async def test_a_consumer_deleted_by_hand_and_made_again_is_taken_up_again(
    broker: Running, bus: JetStreamBus
) -> None:
    await bus.ensure([STREAM], [CONSUMER])
    async with bus.consume("T", "c", capacity=8) as inbox:
        assert await inbox.take(1, wait=0.2) == []
        other = await nats_client.connect(broker.url)
        await other.jetstream().delete_consumer("T", "c")
        await other.close()
        await published(bus, messages(1))
        assert await inbox.take(1, wait=1) == []
        await bus.ensure([STREAM], [CONSUMER])
        assert len(await inbox.take(1, wait=LIMIT_S)) == 1


async def test_a_frozen_server_fails_publishing_and_is_left_for_when_it_wakes(
    broker: Running, bus: JetStreamBus
) -> None:
    await bus.ensure([STREAM], [])
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        receipts = await bus.publish(messages(3))
        assert {receipt.publication for receipt in receipts} == {Publication.FAILED}
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    await published(bus, messages(3))


def jobs(number: int, first: int = 0) -> list[Outgoing]:
    root = "stt.v1.job.postgresql.s"
    return [
        Outgoing(subject=f"{root}.{n}", data=b"%d" % n, message_id=f"job-{n}")
        for n in range(first, first + number)
    ]


async def test_a_run_is_stored_in_atomic_batches_and_each_job_has_its_own_sequence(
    bus: JetStreamBus,
) -> None:
    await bus.ensure(subjects.STREAMS, [])
    receipts = await bus.publish(jobs(1_201))
    assert {receipt.publication for receipt in receipts} == {Publication.STORED}
    assert [receipt.sequence for receipt in receipts] == list(range(1, 1_202))
    for place in (0, 499, 500, 1_200):
        kept = await bus.last(subjects.STREAM_JOBS, f"stt.v1.job.postgresql.s.{place}")
        assert kept is not None
        assert (kept.data, kept.sequence) == (b"%d" % place, place + 1)


async def test_one_refused_job_of_a_batch_does_not_keep_back_the_others(bus: JetStreamBus) -> None:
    await bus.ensure(subjects.STREAMS, [])
    await bus.publish(jobs(1))
    other = Outgoing(subject="stt.v1.job.postgresql.s.1", data=b"", message_id="other")
    await bus.publish([other])
    receipts = await bus.publish(jobs(4))
    assert [receipt.publication for receipt in receipts] == [
        Publication.DUPLICATE,
        Publication.OCCUPIED,
        Publication.STORED,
        Publication.STORED,
    ]


async def test_an_address_where_nobody_listens_is_named_with_the_reason() -> None:
    with pytest.raises(UnreachableError, match=r"cannot reach NATS at nats://127\.0\.0\.1:9 \("):
        await connect(NatsOptions(servers=("nats://127.0.0.1:9",), timeout_s=1))


async def test_a_listener_that_is_no_nats_server_does_not_hang_the_connection() -> None:
    async with listening(silence) as port:
        with pytest.raises(UnreachableError, match="cannot reach NATS"):
            await connect(NatsOptions(servers=(f"nats://127.0.0.1:{port}",), timeout_s=1))


async def test_a_refused_log_in_says_so(tmp_path: Path) -> None:
    extra = 'authorization { user: "a", password: "b" }'
    running = nats.start(tmp_path / "nats", extra=extra)
    try:
        with pytest.raises(UnreachableError, match="authorization"):
            await connect(NatsOptions(servers=(running.url,), user="a", password="wrong"))
        bus = await connect(NatsOptions(servers=(running.url,), user="a", password="b"))
        await bus.close()
    finally:
        running.stop()


async def test_streams_stay_as_they_are_when_nothing_changed_and_are_corrected_when_it_did(
    broker: Running, bus: JetStreamBus
) -> None:
    await bus.ensure([STREAM], [CONSUMER])
    assert await bus.ensure([STREAM], [CONSUMER]) == ()
    longer = StreamSpec(name="T", subjects=("t.>",), max_bytes=1 << 24, max_age=timedelta(hours=1))
    assert await bus.ensure([longer], [CONSUMER]) == ()
    other = await nats_client.connect(broker.url)
    info = await other.jetstream().stream_info("T")
    await other.close()
    assert info.config.max_age == 3600


def limited(path: Path, limit: str) -> Running:
    """A server whose JetStream has a limit."""
    running = nats.start(path / "nats")
    config, sync = path / "nats" / "nats.conf", "sync_interval: always"
    config.write_text(config.read_text().replace(sync, f"{sync}\n  {limit}"))
    running.restart()
    return running


async def test_a_stream_larger_than_the_disk_allows_is_made_smaller_and_reported(
    tmp_path: Path,
) -> None:
    running = limited(tmp_path, "max_file_store: 1MB")
    bus = await connect(NatsOptions(servers=(running.url,)))
    try:
        reported = await bus.ensure(
            [StreamSpec(name="T", subjects=("t.>",), max_bytes=1 << 22)], []
        )
        assert any("max_bytes" in sentence for sentence in reported)
        await published(bus, messages(1))
    finally:
        await bus.close()
        running.stop()


async def test_a_consumer_above_the_limit_of_the_server_is_made_smaller_and_reported(
    tmp_path: Path,
) -> None:
    running = limited(tmp_path, "limits { max_ack_pending: 10000 }")
    bus = await connect(NatsOptions(servers=(running.url,)))
    try:
        await bus.ensure(subjects.STREAMS, [subjects.results_consumer(1)])
        shared = [subjects.results_consumer(epoch, is_shared=True) for epoch in (1, 2)]
        await bus.succeed(shared[1], subjects.epoch_of_consumer)
        for spec in shared:
            reported = (f"{spec.name}: max_ack_pending is 8192",)
            assert await bus.ensure([], [spec]) == reported
            assert await bus.ensure([], [spec]) == reported
    finally:
        await bus.close()
        running.stop()


async def test_tools_for_micro_services_see_the_service(broker: Running, bus: JetStreamBus) -> None:
    async def answer(request: Request) -> bytes:
        if request.data == b"bad":
            raise RequestError("disabled", "checks are disabled")
        if request.data == b"bug":
            raise ZeroDivisionError
        return request.data + b"!"

    async with bus.serve({"t.control.status": answer}):
        assert await bus.request("t.control.status", b"hello", timeout=30) == b"hello!"
        for data, code in ((b"bad", "disabled"), (b"bug", "500")):
            with pytest.raises(RequestError) as caught:
                await bus.request("t.control.status", data, timeout=30)
            assert caught.value.code == code
        other = await nats_client.connect(broker.url)
        reported: dict[str, dict[str, Any]] = {}
        for verb in ("PING", "INFO", "STATS"):
            reply = await other.request(f"$SRV.{verb}.stt", b"", timeout=30)
            reported[verb] = json.loads(reply.data)
        await other.close()
    assert reported["PING"]["name"] == "stt"
    assert [e["subject"] for e in reported["INFO"]["endpoints"]] == ["t.control.status"]
    stats = reported["STATS"]["endpoints"][0]
    assert (stats["num_requests"], stats["num_errors"]) == (3, 2)
    with pytest.raises(UnreachableError):
        await bus.request("t.control.status", b"", timeout=1)


async def test_the_service_answers_again_after_the_server_was_killed(
    broker: Running, bus: JetStreamBus
) -> None:
    async def answer(request: Request) -> bytes:
        return request.data

    async with bus.serve({"t.control.status": answer}):
        broker.kill()
        broker.restart()
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    assert await bus.request("t.control.status", b"x", timeout=1) == b"x"
                    break
                except UnreachableError:
                    await asyncio.sleep(0.1)


async def test_closing_ends_a_look_at_the_connection_that_loses_its_cancellation(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, lost = asyncio.Event(), asyncio.Event()

    async def deaf(_link: link.Link) -> bool:
        looking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # once, as asyncio.wait_for of Python 3.11 loses it
            if lost.is_set():
                raise
            lost.set()
        return True

    monkeypatch.setattr(link, "WATCH_INTERVAL_S", 0.0)
    monkeypatch.setattr(link.Link, "_healthy", deaf)
    connected = await connect(NatsOptions(servers=(broker.url,)))
    await looking.wait()
    async with asyncio.timeout(LIMIT_S):
        await connected.close()
