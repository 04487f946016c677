"""Migration from `$G` to accounts as docs/nats.md says: by a rename, and by backup and restore."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.jetstream import JetStreamBus, NatsOptions, connect
from stt_shared.protocol import subjects
from stt_shared.protocol.control import RunReply, RunRequest, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from tests.support.cli.accounts_site import COORDINATOR, Site, of_worker, printed
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    running,
    status,
    until,
)
from tests.support.shared.nats_client import one_connection

API = "$JS.API"
API_S = 30.0
TARGETS = (("books", Family.MYSQL), ("shop", Family.MYSQL))
Streams = dict[str, tuple[int, int, frozenset[str]]]
Move = Callable[[Running, Path], None]


async def call(client: Client, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body else b""
    found: dict[str, Any] = json.loads(
        (await client.request(f"{API}.{name}", data, timeout=API_S)).data
    )
    assert "error" not in found, (name, found)
    return found


async def streams_of(server: Running, **login: str) -> Streams:
    """Of each stream: messages, last sequence, and the names of its consumers."""
    made: Streams = {}
    async with one_connection(server.url, **login) as client:
        for name in (await call(client, "STREAM.NAMES"))["streams"]:
            state = (await call(client, f"STREAM.INFO.{name}"))["state"]
            consumers = (await call(client, f"CONSUMER.NAMES.{name}")).get("consumers") or ()
            numbers = (state["messages"], state["last_seq"])
            made[name] = (*numbers, frozenset(consumers))
    return made


def renamed(old: Running, _folder: Path) -> None:
    """The folder of the streams of `$G` becomes that of the account STT."""
    old.stop()
    data = old.directory / "data" / "jetstream"
    (data / "$G").rename(data / "STT")


def saved(old: Running, folder: Path) -> None:
    """Each stream as `nats stream backup` saves it; its server is replaced by an empty one."""
    folder.mkdir()
    asyncio.run(_save(old, folder))
    old.stop()
    (old.directory / "data").rename(old.directory / "before")


async def _save(server: Running, folder: Path) -> None:
    async with one_connection(server.url) as client:
        for name in (await call(client, "STREAM.NAMES"))["streams"]:
            inbox = client.new_inbox()
            chunks = await client.subscribe(inbox)
            asked = {"deliver_subject": inbox, "no_consumers": False}
            head = await call(client, f"STREAM.SNAPSHOT.{name}", asked)
            data = b""
            while (chunk := await chunks.next_msg(timeout=API_S)).data:
                data += chunk.data
                if chunk.reply:  # the server waits for an answer now and then
                    await chunk.respond(b"")
            (folder / f"{name}.json").write_text(json.dumps(head))
            (folder / f"{name}.snapshot").write_bytes(data)


async def restore(server: Running, folder: Path, seed: Path) -> None:
    """Each stream as `nats stream restore` does it, in the account of that key."""
    async with one_connection(server.url, nkeys_seed=str(seed)) as client:
        for path in sorted(folder.glob("*.json")):
            head = json.loads(path.read_text())
            body = {"config": head["config"], "state": head["state"]}
            to = (await call(client, f"STREAM.RESTORE.{path.stem}", body))["deliver_subject"]
            data = path.with_suffix(".snapshot").read_bytes()
            for start in range(0, len(data), 1 << 17):
                await client.request(to, data[start : start + (1 << 17)], timeout=API_S)
            done = json.loads((await client.request(to, b"", timeout=API_S)).data)
            assert "error" not in done, done


class Imported(FakeWorker):
    """A worker with the rights of its account, which makes no consumer."""

    async def working(self, family: Family) -> None:
        spec = subjects.jobs_consumer(self.site, family)
        async with self.bus.consume(spec.stream, spec.name, capacity=64) as inbox:
            while True:
                for delivery in await inbox.take(64, wait=0.2):
                    await self.publish(self.result(delivery))
                    await inbox.ack([delivery])


@asynccontextmanager
async def installed(
    owner: JetStreamBus, theirs: JetStreamBus, folder: Path, sequence: int
) -> AsyncGenerator[None]:
    """A coordinator with its store, and a worker that published so many results before."""
    store = await open_store(folder / "store")
    worker = Imported(bus=theirs, site="eu", targets=TARGETS, sequence=sequence)
    try:
        async with running(owner, store):
            # Until the coordinator knows the site there is no consumer to pull from.
            announcing = asyncio.create_task(worker.announcing())
            await until(lambda: is_known(owner))
            async with at_work(worker):
                yield
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)
    finally:
        await store.close()
        await owner.close()
        await theirs.close()


async def is_known(bus: JetStreamBus) -> bool:
    return (await status(bus)).summary.counts.targets == len(TARGETS)


@pytest.mark.parametrize("move", [renamed, saved])
async def test_streams_survive_and_the_next_run_is_clean(move: Move, tmp_path: Path) -> None:
    old = await asyncio.to_thread(embedded_nats.start, tmp_path / "nats", temporary=False)
    options = NatsOptions(servers=(old.url,), name="test")
    async with installed(await connect(options), bus := await connect(options), tmp_path, 0):
        first = await finished(bus, (await enable(bus)).run_id)
        assert (first.done, first.unanswered) == (len(TARGETS), 0)
    before = await streams_of(old)
    assert before["STT_RESULTS"][0] == len(TARGETS)
    await asyncio.to_thread(move, old, tmp_path / "saved")
    words = (("--stt",), of_worker("eu", "w1", "mysql"))
    blocks = [await asyncio.to_thread(printed, tmp_path, *one) for one in words]
    text = f"accounts {{\n{''.join(blocks)}}}\n"
    server = await asyncio.to_thread(embedded_nats.start, old.directory, extra=text)
    site = Site(folder=tmp_path, server=server)
    try:
        seed = site.secret(COORDINATOR)
        if move is saved:
            await restore(server, tmp_path / "saved", seed)
        assert await streams_of(server, nkeys_seed=str(seed)) == before
        owner = await site.bus(COORDINATOR)
        async with installed(owner, await site.bus("STT-eu-w1"), tmp_path, len(TARGETS)):
            reply = await status(owner)
            assert (reply.state.enabled, reply.state.reason) == (True, "CHG-1")
            runs = (await ask(owner, Verb.RUNS, RunsRequest(), RunsReply)).runs
            assert first.run_id in [one.run_id for one in runs]
            request = RunRequest(by="test", targets=tuple(name for name, _ in TARGETS))
            run = (await ask(owner, Verb.RUN, request, RunReply)).run
            done = await finished(owner, run.run_id)
            assert (done.done, done.unanswered) == (len(TARGETS), 0)
            assert (await status(owner)).degraded == ()
    finally:
        await asyncio.to_thread(server.stop)
