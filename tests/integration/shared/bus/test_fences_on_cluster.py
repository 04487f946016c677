"""On three nodes many messages behind one fence are all stored, and behind a newer one none is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client

from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.publisher import (
    CONTENDED,
    HEADER_EXPECTED,
    HEADER_EXPECTED_OF,
    WRONG_LAST_SEQUENCE,
)
from stt_shared.bus.jetstream.streams import FORGETS_REFUSED
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import StreamSpec
from tests.support.processes.cluster import clustered

MANY = 512
READY_S = 30.0
STORED, CONFLICT = Publication.STORED, Publication.CONFLICT
STREAM = StreamSpec(name="FENCED", subjects=("fenced.>",), max_bytes=1 << 24, allow_direct=True)


@pytest.fixture
async def buses(tmp_path: Path) -> AsyncGenerator[tuple[JetStreamBus, JetStreamBus]]:
    """Two connections to a cluster of three, on which every stream has three replicas."""
    with clustered(tmp_path / "nats") as cluster:
        await cluster.whole()
        options = NatsOptions(servers=tuple(cluster.url.split(",")))
        first, second = await connect(options), await connect(options)
        try:
            yield first, second
        finally:
            await first.close()
            await second.close()


async def answers(bus: Client, subject: str, behind: int, number: int) -> Counter[int]:
    """The error codes, 0 for none, that `number` messages get which are sent at the same time."""
    headers = {HEADER_EXPECTED: str(behind), HEADER_EXPECTED_OF: "fenced.fence.>"}

    async def code(at: int) -> int:
        reply = await bus.request(f"{subject}.{at}", b"x", timeout=10, headers=headers)
        return int(json.loads(reply.data).get("error", {}).get("err_code", 0))

    return Counter(await asyncio.gather(*map(code, range(number))))


def fence(epoch: int, behind: int) -> Outgoing:
    return Outgoing(
        subject=f"fenced.fence.{epoch}",
        data=b"f",
        expected_last=behind,
        expected_of="fenced.fence.>",
    )


async def begun(bus: JetStreamBus) -> Receipt:
    """Make the stream and store its first fence, as soon as all nodes have heard of the stream."""
    async with asyncio.timeout(READY_S):
        while True:
            with suppress(UnreachableError):  # not all nodes have joined yet
                await bus.ensure([STREAM], [])
                (made,) = await bus.publish([fence(1, 0)])
                if made.publication is STORED:
                    return made
            await asyncio.sleep(0.1)


def messages(name: str, behind: int, number: int = MANY) -> list[Outgoing]:
    one = Outgoing(subject="", data=b"x", expected_last=behind, expected_of="fenced.fence.>")
    return [
        replace(one, subject=f"fenced.{name}.{n}", message_id=f"{name}{n}") for n in range(number)
    ]


@pytest.mark.parametrize("is_known", [True, False], ids=["cluster", "behind a leaf node"])
async def test_all_messages_behind_one_fence_are_stored_and_none_behind_a_newer_one(
    buses: tuple[JetStreamBus, JetStreamBus], monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    if not is_known:
        monkeypatch.setattr(Link, "is_clustered", property(lambda _: False))
    first, second = buses
    made = await begun(first)
    found = await first.publish(messages("a", made.sequence))
    assert Counter(one.publication for one in found) == {STORED: MANY}
    sequences = [one.sequence for one in found]
    # In their own order where the client knows the cluster; else one may overtake others once.
    assert not is_known or sequences == sorted(sequences)
    if first._link.is_at_least(FORGETS_REFUSED):  # what one refuses, the other does not wait for
        both = await asyncio.gather(
            first.publish(messages("b", made.sequence, 100)),
            second.publish(messages("c", made.sequence, 100)),
        )
        assert Counter(one.publication for found in both for one in found) == {STORED: 200}
    (newer,) = await second.publish([fence(2, made.sequence)])
    assert newer.publication is STORED
    late = await first.publish(messages("d", made.sequence, 100))
    assert Counter(one.publication for one in late) == {CONFLICT: 100}
    # What was refused as late is stored when the newer epoch sends it, under the same ids.
    again = await second.publish(messages("d", newer.sequence, 100))
    assert Counter(one.publication for one in again) == {STORED: 100}
    repeated = await second.publish(messages("d", newer.sequence, 100))
    assert Counter(one.publication for one in repeated) == {Publication.DUPLICATE: 100}


async def test_the_server_tells_a_message_that_must_wait_from_one_behind_a_newer_fence(
    buses: tuple[JetStreamBus, JetStreamBus],
) -> None:
    first, _ = buses
    made = await begun(first)
    client = first._link.client
    together = await answers(client, "fenced.e", made.sequence, 100)
    assert together[0] >= 1
    assert together.keys() == {0, CONTENDED}
    (newer,) = await first.publish([fence(2, made.sequence)])
    assert await answers(client, "fenced.f", made.sequence, 100) == {WRONG_LAST_SEQUENCE: 100}
    assert await answers(client, "fenced.g", newer.sequence, 1) == {0: 1}
