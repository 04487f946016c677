"""On three real nodes a coordinator that sees fewer of them lowers no number of replicas."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import StreamSpec
from tests.support.processes.cluster import clustered
from tests.support.shared.nats_client import one_connection

READY_S = 60.0
BEFORE = StreamSpec(name="BEFORE", subjects=("before.>",), max_bytes=1 << 20)
AFTER = StreamSpec(name="AFTER", subjects=("after.>",), max_bytes=1 << 20)


async def replicas(node: Running, stream: StreamSpec) -> int:
    async with one_connection(node.url) as client:
        reply = await client.request(f"$JS.API.STREAM.INFO.{stream.name}", b"", timeout=READY_S)
    found: dict[str, Any] = json.loads(reply.data)
    return int(found["config"]["num_replicas"])


async def only_two_are_seen(node: Running) -> None:
    """Wait until that node names no third one to whoever connects."""
    deadline = clock.monotonic() + READY_S
    while True:
        async with one_connection(node.url) as client:
            if len({one.port for one in (*client.servers, *client.discovered_servers)}) == 2:
                return
        assert clock.monotonic() < deadline
        await asyncio.sleep(0.1)


async def connected(options: NatsOptions) -> JetStreamBus:
    """Connect as soon as JetStream answers: the nodes that are left choose a leader first."""
    deadline = clock.monotonic() + READY_S
    while True:
        try:
            return await connect(options)
        except UnreachableError:
            assert clock.monotonic() < deadline


async def ensured(bus: JetStreamBus, *streams: StreamSpec) -> None:
    """Ensure them as soon as the nodes that are left have a leader."""
    deadline = clock.monotonic() + READY_S
    while True:
        try:
            await bus.ensure(streams, [])
        except UnreachableError:
            assert clock.monotonic() < deadline
            await asyncio.sleep(0.2)
        else:
            return


async def test_a_client_that_sees_two_of_three_nodes_keeps_three_replicas_unless_it_is_set(
    tmp_path: Path,
) -> None:
    with clustered(tmp_path / "nats") as cluster:
        await cluster.whole()
        first, _, third = cluster.nodes.values()
        whole = await connect(NatsOptions(servers=tuple(cluster.url.split(","))))
        await ensured(whole, BEFORE)
        await whole.close()
        assert await replicas(first, BEFORE) == 3
        third.kill()
        await only_two_are_seen(first)
        for wanted, kept in ((0, 3), (1, 1)):
            options = NatsOptions(servers=(first.url,), replicas=wanted)
            fewer = await connected(options)
            try:
                # A new stream shows what this client would ask for: one replica.
                await ensured(fewer, BEFORE, AFTER)
            finally:
                await fewer.close()
            assert await replicas(first, AFTER) == 1
            assert await replicas(first, BEFORE) == kept
