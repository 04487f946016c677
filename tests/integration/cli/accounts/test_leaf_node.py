"""A worker behind a leaf node of its site does its work; nobody else's key opens such a link."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from stt_cli.accounts.printing import LEAF_HEADER
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from tests.support.cli.accounts_site import OPS, Site, of_worker, printed

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
    finally:
        site.processes.close()
        there.stop()
        server.stop()


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
