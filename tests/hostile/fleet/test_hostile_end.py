"""A worker in the middle of hostile servers ends on request, with all that it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from tests.hostile.fleet.peers import Peers, hostile_peers
from tests.support.holdings import descendants
from tests.support.worker.site import coordinator, until

GRACE_S = 2.0
SLACK_S = 20.0  # above the grace time: for a machine under load


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with hostile_peers() as found:
        yield found


def configuration(peers: Peers) -> str:
    tables = [
        f'[[targets]]\nid = "h{number}"\nfamily = "{family}"\nhost = "127.0.0.1"\nport = {port}\n'
        'user = "stt"\npassword = "file:pw"\ntls = "off"\n'
        for number, (family, port) in enumerate(peers.values())
    ]
    hanging = tables[0].replace('"h0"', '"hanging"').replace("file:pw", "exec:/bin/sleep 600")
    return "\n".join([*tables, hanging])


@contextmanager
def worker(url: str, site: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`stt worker` in a session of its own, as a terminal or a service manager would have it."""
    command = ["worker", "--config", str(folder / "worker.toml"), "--site", site]
    more = ["--name", f"w-{site}", "--state-dir", str(folder), "--grace-s", str(GRACE_S)]
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "stt_cli", *command, *more],
            env=os.environ | {"STT_LOG_FORMAT": "json", "STT_NATS_URL": url},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_within_the_grace_time_and_leaves_no_process(
    number: signal.Signals, peers: Peers, nats_server: Running, tmp_path: Path
) -> None:
    (tmp_path / "pw").write_text("a password")
    (tmp_path / "worker.toml").write_text(configuration(peers))
    families = {f"h{n}": family for n, (family, _) in enumerate(peers.values())}
    async with coordinator(nats_server.url, f"ends-{number.name.lower()}") as here:
        with worker(nats_server.url, here.site, tmp_path) as child:
            await until(lambda: here.announced)
            first = next(iter(families.values()))
            jobs = {**families, "hanging": first}
            await here.publish([here.job(n, list(builtin().of(f))) for n, f in jobs.items()])
            # The shepherd of the children, some of them, and the program that hangs.
            await until(lambda: len(descendants(child.pid)) > 8)
            await asyncio.sleep(1)
            started, family = time.monotonic(), descendants(child.pid)
            # To the whole group, as Ctrl-C does.
            os.killpg(child.pid, number)
            assert await asyncio.to_thread(child.wait, 60) == 0
            assert time.monotonic() - started < GRACE_S + SLACK_S
        deadline = time.monotonic() + 60
        while left := [pid for pid in family if Path(f"/proc/{pid}").exists()]:
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.05)
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert "Warning" not in log
