"""A worker behind a leaf node does its work and no more; no other key opens such a link."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from stt_cli.accounts.printing import LEAF_HEADER
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from tests.support.cli.accounts_site import OPS, Site, of_worker, printed
from tests.support.cli.thieves import overheard, raw

STAMP = "Nats-Request-Info"  # who sent a message, in a header of the server
NEXT = "$JS.API.CONSUMER.MSG.NEXT.STT_JOBS.w_eu_postgresql"
# Nothing that a running coordinator writes by itself.
GOALS = [
    "stt.v1.control.disable",
    "$KV.stt_watermark.w2",
    "stt.v1.tick.standard.x",
    "stt.v1.job.postgresql.eu.books",
    "stt.v1.announce.us.w2",
    "$JS.API.STREAM.PURGE.STT_RESULTS",
    "$JS.API.STREAM.DELETE.STT_JOBS",
]
NO_JETSTREAM = "jetstream: disabled\n"


def leaf_log(folder: Path) -> str:
    return (folder / "leaf" / "server.log").read_text()


def test_a_worker_works_through_the_leaf_node_of_its_site(tmp_path: Path) -> None:
    port = free_port()
    url = f"nats-leaf://127.0.0.1:{port}"
    hub, _, leaf = printed(tmp_path, *of_worker("eu", "w1"), "--leaf", url).partition(LEAF_HEADER)
    blocks = [printed(tmp_path, "--stt"), printed(tmp_path, "--people"), hub]
    text = f"accounts {{\n{''.join(blocks)}}}\nleafnodes {{ listen: 127.0.0.1:{port} }}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=text)
    (tmp_path / "leaf").mkdir()
    shutil.copy(tmp_path / "keys" / "STT-eu-w1-leaf.conf", tmp_path / "leaf")
    there = embedded_nats.start(tmp_path / "leaf", extra=NO_JETSTREAM + leaf)
    site = Site(folder=tmp_path, server=server)
    try:
        site.coordinate()
        at_leaf = Site(folder=tmp_path, server=there, processes=site.processes)
        at_leaf.work("eu", "w1", "books")
        site.knows("books")
        assert site.stt(OPS, "enable", "--reason", "CHG-1").returncode == 0
        done = site.stt(OPS, "run", "--wait", "--allow-incomplete")
        assert done.returncode == 0, done.stderr
        listed = json.loads(site.stt(OPS, "targets", "list", "-o", "json").stdout)["targets"]
        assert [one["kind"] for one in listed] == ["unreachable"]
        asyncio.run(nothing_is_reached(site, at_leaf))
    finally:
        site.processes.close()
        there.stop()
        server.stop()


async def nothing_is_reached(hub: Site, leaf: Site) -> None:
    """The acts of a thief with the worker's key, at the leaf node: what of them arrives in STT."""
    stolen = ("stt.v1.announce.us.w2", "stt.v1.result.postgresql.eu.books.w2", *GOALS)
    own = "stt.v1.announce.eu.w1"
    # A worker has two connections, of which its process has one.
    async with (
        overheard(hub, own, "stt.v1.result.postgresql.>", *GOALS) as heard,
        raw(leaf, "STT-eu-w1") as thief,
    ):
        for subject in stolen:
            await thief.publish(subject, b"{}")
        for goal in GOALS:
            await thief.publish("$JS.API.INFO", b"", reply=goal)
            await thief.publish(NEXT, b'{"batch":1,"no_wait":true}', reply=goal)
            await thief.publish("stt.v1.result.postgresql.eu.books.w1", b"{}", reply=goal)
        await thief.publish(own, b"forged", headers={STAMP: '{"acc":"STT-ops"}'})
        await thief.flush()
        async with asyncio.timeout(30):
            while own not in {subject for subject, _ in heard}:  # noqa: ASYNC110  # no event
                await asyncio.sleep(0.05)
    assert {subject for subject, _ in heard} == {own, "stt.v1.result.postgresql.eu.books.w1"}
    stamps = [json.loads(headers[STAMP]) for subject, headers in heard if subject == own]
    assert {stamp["acc"] for stamp in stamps} == {"STT-eu-w1"}


def test_the_key_of_a_worker_opens_no_link_of_a_leaf_node(tmp_path: Path) -> None:
    port = free_port()
    blocks = [printed(tmp_path, "--stt"), printed(tmp_path, *of_worker("eu", "w1"))]
    text = f"accounts {{\n{''.join(blocks)}}}\nleafnodes {{ listen: 127.0.0.1:{port} }}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=text)
    seed = (tmp_path / "keys" / "STT-eu-w1.nk").read_text().strip()
    link = f'{{ url: "nats-leaf://127.0.0.1:{port}", nkey: {seed} }}'
    remote = f"leafnodes {{ remotes: [ {link} ] }}"
    there = embedded_nats.start(tmp_path / "leaf", extra=remote)
    try:
        Site(folder=tmp_path, server=server).until(
            lambda: (
                "Authorization Violation" in leaf_log(tmp_path)
                or "maximum account leafnode" in leaf_log(tmp_path)
            ),
            "a refused link",
        )
        assert "authentication error" in (tmp_path / "nats" / "server.log").read_text()
    finally:
        there.stop()
        server.stop()
