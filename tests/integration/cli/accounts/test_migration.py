"""Migration from `$G` to accounts as docs/nats.md says: by a rename, and by backup and restore."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from tests.support.cli.accounts_site import COORDINATOR, OPS, Site, of_worker, printed
from tests.support.shared.nats_client import one_connection

API = "$JS.API"
API_S = 30.0
Streams = dict[str, tuple[int, int, int, frozenset[str]]]
Move = Callable[[Running, Path], None]


async def ask(client: Client, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body else b""
    found: dict[str, Any] = json.loads(
        (await client.request(f"{API}.{call}", data, timeout=API_S)).data
    )
    assert "error" not in found, (call, found)
    return found


async def streams_of(server: Running, **login: str) -> Streams:
    """Of each stream: messages, first and last sequence, and the names of its consumers."""
    made: Streams = {}
    async with one_connection(server.url, **login) as client:
        for name in (await ask(client, "STREAM.NAMES"))["streams"]:
            state = (await ask(client, f"STREAM.INFO.{name}"))["state"]
            consumers = (await ask(client, f"CONSUMER.NAMES.{name}")).get("consumers") or ()
            numbers = (state["messages"], state["first_seq"], state["last_seq"])
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
        for name in (await ask(client, "STREAM.NAMES"))["streams"]:
            inbox = client.new_inbox()
            chunks = await client.subscribe(inbox)
            asked = {"deliver_subject": inbox, "no_consumers": False}
            head = await ask(client, f"STREAM.SNAPSHOT.{name}", asked)
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
            to = (await ask(client, f"STREAM.RESTORE.{path.stem}", body))["deliver_subject"]
            data = path.with_suffix(".snapshot").read_bytes()
            for start in range(0, len(data), 1 << 17):
                await client.request(to, data[start : start + (1 << 17)], timeout=API_S)
            done = json.loads((await client.request(to, b"", timeout=API_S)).data)
            assert "error" not in done, done


@pytest.mark.parametrize("move", [renamed, saved])
def test_streams_findings_and_outboxes_survive_and_the_next_run_is_clean(
    move: Move, tmp_path: Path
) -> None:
    old = embedded_nats.start(tmp_path / "nats", temporary=False)
    flat = Site(folder=tmp_path, server=old, form="none")
    flat.coordinate()
    flat.work("eu", "w1", "books", "shop")
    try:
        flat.knows("books", "shop")
        assert flat.stt("", "enable", "--reason", "CHG-1").returncode == 0
        done = flat.stt("", "run", "--wait", "--allow-incomplete")
        assert done.returncode == 0, done.stderr
        assert flat.stt("", "disable", "--reason", "CHG-2").returncode == 0
        runs = runs_of(flat, "")
        assert all(jobs == answered for _, jobs, answered in runs), "a job is outstanding"
    finally:
        flat.processes.close()
        before = asyncio.run(streams_of(old))
        move(old, tmp_path / "saved")
    assert before["STT_RESULTS"][0] >= 2
    blocks = [printed(tmp_path, *words) for words in (("--stt",), ("--people",))]
    blocks.append(printed(tmp_path, *of_worker("eu", "w1")))
    text = f"accounts {{\n{''.join(blocks)}}}\n"
    server = embedded_nats.start(old.directory, extra=text)
    site = Site(folder=tmp_path, server=server)
    owner = site.secret(COORDINATOR)
    try:
        if move is saved:
            asyncio.run(restore(server, tmp_path / "saved", owner))
        assert asyncio.run(streams_of(server, nkeys_seed=str(owner))) == before
        site.coordinate()
        site.work("eu", "w1", "books", "shop")
        site.until(lambda: is_settled(site, OPS), "an empty outbox")
        state = json.loads(site.stt(OPS, "status", "-o", "json").stdout)["state"]
        assert (state["enabled"], state["reason"]) == (False, "CHG-2")
        assert runs_of(site, OPS) == runs
        assert site.stt(OPS, "enable", "--reason", "CHG-3").returncode == 0
        done = site.stt(OPS, "run", "--wait", "--allow-incomplete")
        assert done.returncode == 0, done.stderr
        status = json.loads(site.stt(OPS, "status", "-o", "json").stdout)
        assert status["degraded"] == []
    finally:
        site.processes.close()
        server.stop()


def runs_of(site: Site, who: str) -> list[tuple[str, int, int]]:
    """Runs with their jobs and how many of them were answered."""
    found = json.loads(site.stt(who, "runs", "list", "-o", "json").stdout)
    return [(one["run_id"], one["jobs"], one["done"]) for one in found["runs"]]


def is_settled(site: Site, who: str) -> bool:
    """Whether the worker is up with an empty outbox."""
    status = json.loads(site.stt(who, "status", "-o", "json").stdout or "{}")
    workers = status.get("workers") or []
    return [(one["state"], one["outbox"]) for one in workers] == [("up", 0)]
