"""Migration from `$G`: workers move to a gate with accounts, the old server keeps all data."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nats

from stt_cli.accounts.printing import GATE_HEADER
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from tests.support.cli.accounts_site import Site, of_worker, printed

DELETE = "$JS.API.STREAM.DELETE.STT_JOBS"
LINK = "gate"  # user and password of the link, in this test


def test_a_worker_works_through_the_gate_and_redirects_nothing(tmp_path: Path) -> None:
    port = free_port()
    leafs = (
        f"leafnodes {{ listen: 127.0.0.1:{port}\n"
        f"  authorization {{ users: [ {{ user: {LINK}, password: {LINK} }} ] }} }}\n"
        'default_js_domain: { "$G": "" }\n'
    )
    old = embedded_nats.start(tmp_path / "nats", extra=leafs)
    address = f"nats-leaf://127.0.0.1:{port}"
    owner, _, rest = printed(tmp_path, "--stt", "--gate", address).partition(GATE_HEADER)
    blocks = [owner, printed(tmp_path, *of_worker("eu", "w1"))]
    login = rest.replace("nats-leaf://", f"nats-leaf://{LINK}:{LINK}@")
    text = f"accounts {{\n{''.join(blocks)}}}\n{login}"
    gate = embedded_nats.start(tmp_path / "gate", extra=text)
    flat = Site(folder=tmp_path, server=old, form="none")
    through = Site(folder=tmp_path, server=gate, processes=flat.processes)
    try:
        flat.coordinate()
        through.work("eu", "w1", "books")
        flat.knows("books")
        assert flat.stt("", "enable", "--reason", "CHG-1").returncode == 0
        done = flat.stt("", "run", "--wait", "--allow-incomplete")
        assert done.returncode == 0, done.stderr
        asyncio.run(_redirect(through))
        state = json.loads(flat.stt("", "status", "-o", "json").stdout)["state"]
        assert (state["enabled"], state["reason"]) == (True, "CHG-1")
    finally:
        flat.processes.close()
        gate.stop()
        old.stop()


async def _redirect(site: Site) -> None:
    thief = await nats.connect(site.server.url, nkeys_seed=str(site.secret("STT-eu-w1")))
    for goal in (
        "stt.v1.control.disable",
        "$KV.stt_control.state",
        "$JS.API.STREAM.DELETE.STT_JOBS",
    ):
        await thief.publish("$JS.API.INFO", b"", reply=goal)
    await thief.flush()
    await asyncio.sleep(1)
    await thief.close()
