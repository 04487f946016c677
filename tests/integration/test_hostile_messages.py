"""Every subject and key that a coordinator and a worker read gets every kind of wrong bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client

from stt_coordinator.control.service import VERBS
from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from stt_shared.protocol.control import SwitchReply, SwitchRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Announcement, ControlState, Job, Result, Watermark
from tests.support.processes.installation import Installation, installed
from tests.support.processes.process import Process
from tests.support.processes.raw_nats import publish, publish_with_headers, send_frames
from tests.support.shared.hostile_bytes import NO_MESSAGES, corpus, example

TIMEOUT_S = 90.0
POLL_S = 0.2
SITE, WORKER, FAMILY = "default", "w0", Family.POSTGRESQL
DEEP = b"[" * 100_000
# Subjects, replies and headers that end the read loop of the NATS client.
BROKEN_NAMES = (b"\xff\xfe", b"a\x0cb", b"a\x0bb")
BROKEN_HEADERS = (
    b"NATS/1.0",
    b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    b"XXXX",
    b"NATS/1.0\r\n\xff:\r\n\r\n",
)


@pytest.fixture(scope="module")
def house(postgresql: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A nats-server, a coordinator and a worker with one target, each its own process."""
    with installed(tmp_path_factory.mktemp("house"), postgresql, targets=1) as whole:
        whole.start()
        yield whole


@asynccontextmanager
async def connected(house: Installation) -> AsyncGenerator[Client]:
    connection = await nats.connect(house.broker.url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]], house: Installation) -> None:
    deadline = monotonic() + TIMEOUT_S
    while not await holds():
        assert monotonic() < deadline, house.tails()
        await asyncio.sleep(POLL_S)


async def works(house: Installation) -> None:
    """Assert that nobody died and that a run of the good target ends with its results."""
    for process in (house.coordinator, *house.workers):
        assert process.child is not None
        assert process.child.poll() is None, process.tail()
    await house.targets_announced(1)
    await house.enable()
    run = await house.finished((await house.run()).run_id)
    assert (run.jobs, run.done) == (1, 1)


async def all_done(house: Installation, stream: str) -> None:
    """Wait until every message of `stream` was delivered once and is done."""
    async with connected(house) as connection:
        api = connection.jetstream()

        async def nothing_is_left() -> bool:
            every = await api.consumers_info(stream)
            # One that nobody reads holds the name that coordinators of earlier releases used.
            found = [one for one in every if one.name != subjects.RESULTS_BEFORE_EPOCHS]
            return bool(found) and not any(
                one.num_pending or one.num_ack_pending or one.num_redelivered for one in found
            )

        await until(nothing_is_left, house)


async def restarted(process: Process) -> None:
    process.kill()
    process.start()


async def test_results_of_every_kind_and_depth_are_rejected_once(house: Installation) -> None:
    await works(house)
    place = {"family": str(FAMILY), "site": SITE, "target": "t0000", "worker": WORKER}
    subject = subjects.result(FAMILY, SITE, "t0000", WORKER)
    async with connected(house) as connection:
        for data in corpus(Result, **place):
            if len(data) <= MAX_MESSAGE_BYTES:
                await connection.publish(subject, data)
        await connection.flush()
    root = f"{subjects.ROOT}.result.{FAMILY}.{SITE}.".encode()
    names = [root + name + b".w0" for name in BROKEN_NAMES]
    send_frames(
        house.broker,
        *map(publish, names),
        *(publish_with_headers(subject.encode(), one) for one in BROKEN_HEADERS),
    )
    await all_done(house, subjects.STREAM_RESULTS)
    await works(house)


async def test_jobs_of_every_kind_and_depth_are_rejected_once(house: Installation) -> None:
    await works(house)
    root = f"{subjects.ROOT}.job.{FAMILY}.{SITE}."
    place = {"family": str(FAMILY), "site": SITE}
    async with connected(house) as connection:
        for number, data in enumerate(corpus(Job, **place)):
            # A subject of its own: the broker keeps one job of a subject.
            await connection.publish(f"{root}x{number}", data)
        whole = example(Job) | place | {"target": "t0000", "pack": "a" * 64}
        whole |= {"expires": "2100-01-01T00:00:00Z"}
        await connection.publish(subjects.pack("a" * 64), DEEP)
        await connection.publish(f"{root}t0000", json.dumps(whole).encode())
        await connection.flush()
    send_frames(
        house.broker,
        *(publish(root.encode() + name) for name in BROKEN_NAMES),
        *(publish_with_headers(f"{root}h".encode(), one) for one in BROKEN_HEADERS),
    )
    await all_done(house, subjects.STREAM_JOBS)
    await works(house)


async def test_announcements_and_nudges_of_every_kind_and_depth_stop_nothing(
    house: Installation,
) -> None:
    await works(house)
    subject = subjects.announce("elsewhere", "w9")
    async with connected(house) as connection:
        # Of another worker than the subject says: what can be read must not add a target.
        for data in corpus(Announcement, site="elsewhere", worker="w8"):
            await connection.publish(subject, data)
        for data in NO_MESSAGES:
            await connection.publish(subjects.NUDGE, data)
        await connection.flush()
    root = f"{subjects.ROOT}.announce.elsewhere.".encode()
    frames = [publish(root + name) for name in BROKEN_NAMES]
    frames += [publish(root + b"w9", reply=name) for name in BROKEN_NAMES]
    frames += [publish_with_headers(root + b"w9", one) for one in BROKEN_HEADERS]
    frames += [publish_with_headers(subjects.NUDGE.encode(), one) for one in BROKEN_HEADERS]
    send_frames(house.broker, *frames)
    await works(house)


async def test_requests_of_every_kind_and_depth_get_an_answer_or_none_and_stop_nothing(
    house: Installation,
) -> None:
    await works(house)
    frames: list[bytes] = []
    async with connected(house) as connection:
        for verb in VERBS:
            subject = subjects.control(verb)
            frames += [publish(subject.encode(), DEEP, reply=name) for name in BROKEN_NAMES]
            frames += [publish_with_headers(subject.encode(), one) for one in BROKEN_HEADERS]
            for data in (DEEP, b'{"a":' * 5_000, b"\xff"):
                reply = await connection.request(subject, data, timeout=10)
                assert reply.headers is not None
                assert reply.headers["Nats-Service-Error-Code"] == "bad_request"
    send_frames(house.broker, *frames)
    await works(house)


async def test_watermarks_and_control_states_that_nobody_can_read_stop_nothing(
    house: Installation,
) -> None:
    await works(house)
    watermark, state = (
        subjects.kv(subjects.BUCKET_WATERMARK, WORKER),
        subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE),
    )
    bad = [b'{"schema": "stt.watermark/v1", "a": ' + DEEP, DEEP]
    bad += [json.dumps(example(Watermark) | {"sequence": 10**30}).encode()]
    for data in bad:
        async with connected(house) as connection:
            await connection.publish(watermark, data)
            await connection.flush()
        await restarted(house.workers[0])
        await works(house)
    async with connected(house) as connection:
        bucket = await connection.jetstream().key_value(subjects.BUCKET_CONTROL)
        good = (await bucket.get(subjects.KEY_STATE)).value
        assert good is not None
        assert codec.decode(ControlState, good).enabled
        await connection.publish(state, b'{"schema": "stt.control/v1", "a": ' + DEEP)
        await connection.publish(subjects.NUDGE, b"")
        await connection.flush()
        await restarted(house.coordinator)
        await asyncio.sleep(2)
        await connection.publish(state, good)
        await connection.flush()
        await works(house)
        await connection.publish(state, b'{"schema": "stt.control/v9"}')
        await connection.flush()
    await restarted(house.coordinator)
    request = SwitchRequest(by="test", reason="stop")
    assert (await house.ask(Verb.DISABLE, request, SwitchReply)).state.reason == "stop"
    await works(house)
