"""`stt worker` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXIT_S = 40.0


def table(name: str, port: int) -> str:
    return (
        f'[[targets]]\nid = "{name}"\nfamily = "postgresql"\nhost = "127.0.0.1"\nport = {port}\n'
        'user = "u"\npassword = "env:PW"\ntls = "off"\n'
    )


@contextmanager
def process(url: str, site: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`stt worker` with `folder`/worker.toml, its log in `folder`/log."""
    environment = os.environ | {"PW": "hunter2", "STT_LOG_FORMAT": "json", "STT_NATS_URL": url}
    command = ["worker", "--config", str(folder / "worker.toml"), "--site", site]
    more = ["--name", f"p-{site}", "--state-dir", str(folder / "state")]
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "stt_cli", *command, *more],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)


async def ended(child: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(child.wait, EXIT_S)
