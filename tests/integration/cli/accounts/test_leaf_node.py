"""A worker behind a leaf node does its work and no more; no other key opens such a link."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from stt_cli.accounts import files
from stt_cli.accounts.keys import Kind
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


def configured(folder: Path, form: str, port: int) -> tuple[str, str]:
    """The accounts of the hub in `form`, and the text of the leaf node of the site."""
    words = (*of_worker("eu", "w1"), "--leaf", f"nats-leaf://127.0.0.1:{port}")
    if form == "conf":
        hub, _, leaf = printed(folder, *words).partition(LEAF_HEADER)
        blocks = [printed(folder, "--stt"), printed(folder, "--people"), hub]
        return f"accounts {{\n{''.join(blocks)}}}\n", leaf
    whole = ("--format", "jwt", "--operator", "--stt", "--people")
    hub, _, leaf = printed(folder, *whole, *words).partition(LEAF_HEADER)
    return hub, leaf


@pytest.mark.parametrize("form", ["conf", "jwt"])
def test_a_worker_works_through_the_leaf_node_of_its_site(tmp_path: Path, form: str) -> None:
    port = free_port()
    hub, leaf = configured(tmp_path, form, port)
    listens = f"leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=hub + listens)
    (tmp_path / "leaf").mkdir()
    link = "STT-eu-w1-leaf" + (".conf" if form == "conf" else ".creds")
    shutil.copy(tmp_path / "keys" / link, tmp_path / "leaf")
    there = embedded_nats.start(tmp_path / "leaf", extra=NO_JETSTREAM + leaf)
    site = Site(folder=tmp_path, server=server, form=form)
    try:
        site.coordinate()
        at_leaf = Site(folder=tmp_path, server=there, form=form, processes=site.processes)
        at_leaf.work("eu", "w1", "books")
        site.knows("books")
        assert site.stt(OPS, "enable", "--reason", "CHG-1").returncode == 0
        done = site.stt(OPS, "run", "--wait", "--allow-incomplete")
        assert done.returncode == 0, done.stderr
        listed = json.loads(site.stt(OPS, "targets", "list", "-o", "json").stdout)["targets"]
        assert [one["kind"] for one in listed] == ["unreachable"]
        config = ("--config", str(tmp_path / "w1.toml"))
        done = at_leaf.stt("STT-eu-w1", "nats", "check", "-o", "json", *config)
        levels = {line["what"]: line["level"] for line in json.loads(done.stdout)}
        assert levels == {"NATS access": "ok", "NATS border": "ok"}, done.stdout
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
    assert {stamp["acc"] for stamp in stamps} == {account(hub)}


def account(site: Site) -> str:
    """How the server names the account of the worker: in operator mode by its public key."""
    if site.form == "conf":
        return "STT-eu-w1"
    seed = files.read(site.folder / "keys" / "STT-eu-w1.account.nk", Kind.ACCOUNT)
    assert seed is not None
    return seed.public


@pytest.mark.parametrize("form", ["conf", "jwt"])
def test_the_key_of_a_worker_opens_no_link_of_a_leaf_node(tmp_path: Path, form: str) -> None:
    port = free_port()
    worker = of_worker("eu", "w1")
    if form == "conf":
        text = f"accounts {{\n{printed(tmp_path, '--stt')}{printed(tmp_path, *worker)}}}\n"
        seed = (tmp_path / "keys" / "STT-eu-w1.nk").read_text().strip()
        login = f"nkey: {seed}"
    else:
        text = printed(tmp_path, "--format", "jwt", "--operator", "--stt", *worker)
        login = f'credentials: "{tmp_path / "keys" / "STT-eu-w1.creds"}"'
    text += f"leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=text)
    link = f'{{ url: "nats-leaf://127.0.0.1:{port}", {login} }}'
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
