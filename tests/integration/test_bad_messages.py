"""Messages that are wrong in any way are refused by name by real processes and stop nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec
import nats
import pytest
from nats.aio.client import Client
from nats.errors import MaxPayloadError

from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from stt_shared.protocol.enums import Family
from tests.support.coordinator.coordination import passed
from tests.support.coordinator.ledgers import result
from tests.support.processes.installation import Installation, installed

TIMEOUT_S = 90.0
POLL_S = 0.1
WORKER, SITE = "stranger", "default"
GOOD = msgspec.structs.replace(
    result("t1", passed("c1")), site=SITE, worker=WORKER, job_id="nobody-sent-it"
)
SUBJECT = subjects.result(GOOD.family, SITE, GOOD.target, WORKER)


@pytest.fixture(scope="module")
def installation(
    postgresql: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A nats-server, a coordinator and a worker with one target, each its own process."""
    with installed(tmp_path_factory.mktemp("house"), postgresql, targets=1) as whole:
        whole.start()
        yield whole


@asynccontextmanager
async def connected(installation: Installation) -> AsyncGenerator[Client]:
    connection = await nats.connect(installation.broker.url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]], installation: Installation) -> None:
    deadline = monotonic() + TIMEOUT_S
    while not await holds():
        assert monotonic() < deadline, installation.tails()
        await asyncio.sleep(POLL_S)


def refusals(installation: Installation) -> list[str]:
    """The code of each message that the coordinator's log says was refused."""
    lines = [json.loads(line) for line in installation.coordinator.log.read_text().splitlines()]
    return [line["code"] for line in lines if line["event"] == "message_rejected"]


async def works(installation: Installation) -> None:
    """Assert that a run of the good target still ends with its results."""
    await installation.targets_announced(1)
    await installation.enable()
    run = await installation.finished((await installation.run()).run_id)
    assert (run.jobs, run.done) == (1, 1)


def changed(**changes: object) -> bytes:
    return codec.encode(msgspec.structs.replace(GOOD, **changes))


@pytest.mark.parametrize(
    ("subject", "data", "code"),
    [
        (SUBJECT, b"\x00\xff garbage", "malformed"),
        (SUBJECT, b"", "malformed"),
        (SUBJECT, b'{"schema": "stt.result/v1"}', "malformed"),
        (SUBJECT, b'{"schema": "stt.job/v1"}', "wrong_schema"),
        (SUBJECT, b'{"schema": "stt.result/v2", "anything": 1}', "newer_major"),
        (SUBJECT, b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
        (SUBJECT, changed(site="eu-west"), "wrong_site"),
        (subjects.result(GOOD.family, "eu-west", "t1", WORKER), changed(), "wrong_site"),
        (SUBJECT, changed(family=Family.MONGODB), "wrong_site"),
        (SUBJECT, changed(target="t2"), "wrong_subject"),
        (SUBJECT, changed(worker="w2"), "wrong_subject"),
        (f"{SUBJECT}.more", changed(), "wrong_subject"),
        (SUBJECT, changed(sequence=2**63), "malformed"),
        (SUBJECT, changed(), "unknown_job"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." not in value else "",
)
async def test_a_bad_result_is_refused_by_name_counted_in_the_status_and_stops_nothing(
    installation: Installation, subject: str, data: bytes, code: str
) -> None:
    await installation.status()
    before = refusals(installation).count(code)
    async with connected(installation) as connection:
        await connection.jetstream().publish(subject, data)

    async def refused() -> bool:
        return refusals(installation).count(code) == before + 1

    await until(refused, installation)
    assert f"{before + 1} {code}" in " ".join((await installation.status()).degraded)
    await works(installation)


async def test_what_is_too_large_for_the_broker_never_gets_to_anybody(
    installation: Installation,
) -> None:
    async with connected(installation) as connection:
        with pytest.raises(MaxPayloadError):
            await connection.jetstream().publish(SUBJECT, b" " * (connection.max_payload + 1))
    await works(installation)


async def test_announcements_nudges_and_requests_that_are_none_stop_nothing(
    installation: Installation,
) -> None:
    await installation.status()
    async with connected(installation) as connection:
        for data in (b"", b"\xff", b"[]", b'{"schema": "stt.announcement/v9"}'):
            await connection.publish(subjects.announce(SITE, WORKER), data)
            await connection.publish(subjects.NUDGE, data)
        for verb in ("status", "run", "enable", "report"):
            reply = await connection.request(f"{subjects.ROOT}.control.{verb}", b"\xff", timeout=5)
            assert reply.headers is not None
            assert reply.headers["Nats-Service-Error-Code"] == "bad_request"
            assert "malformed" in reply.headers["Nats-Service-Error"]
    assert [one.worker for one in (await installation.status()).workers] == ["w0"]
    await works(installation)


async def test_a_control_state_that_was_deleted_or_garbled_is_logged_and_restored(
    installation: Installation,
) -> None:
    await works(installation)
    async with connected(installation) as connection:
        bucket = await connection.jetstream().key_value(subjects.BUCKET_CONTROL)
        good = (await bucket.get(subjects.KEY_STATE)).value
        assert good is not None
        await bucket.delete(subjects.KEY_STATE)

        async def on_again() -> bool:
            # While it is gone the coordinator may answer for a moment that checks are disabled.
            entry = await connection.jetstream().get_last_msg(
                f"KV_{subjects.BUCKET_CONTROL}",
                subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE),
            )
            return bool(entry.data) and (await installation.status()).state.enabled

        await until(on_again, installation)
        await works(installation)
        await bucket.put(subjects.KEY_STATE, b"\xff")

        async def restored() -> bool:
            return (await bucket.get(subjects.KEY_STATE)).value == good

        await until(restored, installation)
        log = installation.coordinator.log.read_text(errors="replace")
        assert "control_state_unreadable" in log
    await works(installation)


async def degraded(installation: Installation) -> tuple[str, ...]:
    return (await installation.status()).degraded


def test_all_processes_lived_through_all_of_it(installation: Installation) -> None:
    for process in (installation.coordinator, *installation.workers):
        assert process.child is not None
        assert process.child.poll() is None, process.tail()
