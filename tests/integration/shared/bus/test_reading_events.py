"""Who reads events on NATS: replayed since an instant, and with no right to anything else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import subjects
from tests.servers.fixtures import serving
from tools.pages import events as events_page

TIMEOUT_S = 20.0
OPENED = "stt.v1.event.finding.opened.critical.postgresql.eu-west.orders-pg"
CRITICAL = "stt.v1.event.finding.opened.critical.>"
USERS = """
authorization {{
  users: [
    {{ user: "stt", password: "throw-away" }}
    {{ user: "reader", password: "throw-away", permissions: {{ {permissions} }} }}
  ]
}}
"""


@pytest.fixture(scope="module")
def guarded(servers_folder: Path) -> Iterator[Running]:
    """A broker with a user that has the rights of docs/events.md."""
    extra = USERS.format(permissions=events_page.permissions().replace("\n", ", "))
    start = lambda: embedded_nats.start(servers_folder / "guarded", extra=extra)  # noqa: E731  # as everywhere
    with serving("nats-server", start) as running:
        yield running


@pytest.fixture
async def bus(guarded: Running) -> AsyncIterator[JetStreamBus]:
    options = NatsOptions(servers=(guarded.url,), name="t", user="stt", password="throw-away")
    found = await connect(options)
    await found.ensure(subjects.STREAMS, [subjects.subscriber("events")])
    yield found
    await found.close()


@pytest.fixture
async def reader(guarded: Running) -> AsyncIterator[Client]:
    async def quiet(_error: Exception) -> None:
        """The client would write what it was refused into the log."""

    client = await nats.connect(
        guarded.url, user="reader", password="throw-away", error_cb=quiet, max_reconnect_attempts=1
    )
    yield client
    await client.close()


async def publish_opened(bus: JetStreamBus, *names: str) -> None:
    messages = [Outgoing(subject=OPENED, data=name.encode(), message_id=name) for name in names]
    for receipt in await bus.publish(messages):
        assert receipt.publication is Publication.STORED


async def test_a_durable_reader_goes_on_where_it_was(bus: JetStreamBus, reader: Client) -> None:
    stream = reader.jetstream()
    for name in ("first", "while away"):
        await publish_opened(bus, name)
        events = await stream.pull_subscribe_bind("events", stream=subjects.STREAM_EVENTS)
        (message,) = await events.fetch(1, timeout=TIMEOUT_S)
        assert message.data == name.encode()
        await message.ack_sync()
        await events.unsubscribe()


@pytest.mark.parametrize(
    "subject",
    [
        "stt.v1.control.enable",
        "$JS.API.CONSUMER.DELETE.STT_JOBS.w_default_mysql",
        "$JS.API.CONSUMER.CREATE.STT_EVENTS",
        "$JS.API.CONSUMER.DURABLE.CREATE.STT_EVENTS.mine",
        OPENED,
    ],
)
async def test_a_reader_can_send_nothing(bus: JetStreamBus, reader: Client, subject: str) -> None:
    del bus  # it made the streams
    with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
        await reader.request(subject, json.dumps({}).encode(), timeout=0.5)
    assert "permissions violation" in str(reader.last_error).lower()


async def test_a_reader_hears_no_job_and_no_request(bus: JetStreamBus, reader: Client) -> None:
    del bus
    for subject in ("stt.v1.job.>", "stt.v1.control.>", ">"):
        await reader.subscribe(subject)
        await reader.flush()
        async with asyncio.timeout(TIMEOUT_S):
            while f'"{subject}"' not in str(reader.last_error):  # noqa: ASYNC110  # the broker says it
                await asyncio.sleep(0.01)
