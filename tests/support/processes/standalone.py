"""`stt standalone` in a process of its own, with one real target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0


TARGET = """
[[targets]]
id = "{name}"
family = "postgresql"
host = "{host}"
port = {port}
user = "{user}"
password = "env:PASSWORD_OF_TARGET"
tls = "off"
"""


class Machine:
    """A computer with one standalone installation, and what is typed on it."""

    def __init__(self, folder: Path, server: Running) -> None:
        self.folder = folder
        self.server = server
        self.port = free_port()
        self.stderr = folder / "stderr"
        self.targets = folder / "targets.toml"
        self.lists("one")

    def lists(self, *names: str) -> None:
        """Write the list of targets."""
        server = self.server
        self.targets.write_text(
            "\n".join(
                TARGET.format(name=name, host=server.host, port=server.port, user=server.user)
                for name in names
            )
        )

    @property
    def command(self) -> list[str | Path]:
        targets, state = self.targets, self.folder / "state"
        port = str(self.port)
        return [STT, "standalone", "--targets", targets, "--state-dir", state, "--port", port]

    @property
    def environment(self) -> dict[str, str]:
        mine = {
            "PASSWORD_OF_TARGET": self.server.password,
            "STT_NATS_URL": f"nats://127.0.0.1:{self.port}",
            "STT_NATS_TIMEOUT_S": "20",
            "STT_LOG_FORMAT": "json",
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        return os.environ | mine

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """The installation while it runs; it must end in order."""
        with self.stderr.open("wb") as err:
            process = subprocess.Popen(self.command, env=self.environment, stderr=err)
        try:
            self.until(lambda: "Ready on nats://127.0.0.1" in self.stderr.read_text())
            children = psutil.Process(process.pid).children(recursive=True)
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0, self.stderr.read_text()
            assert [child for child in children if child.is_running()] == []
        finally:
            process.kill()
            process.wait(TIMEOUT_S)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + TIMEOUT_S
        while not condition():
            assert monotonic() < deadline, self.stderr.read_text()
            time.sleep(0.1)

    def stt(self, *words: str, code: int = 0) -> dict[str, Any]:
        """What a command prints as JSON."""
        done = prepared().run((*words, "-o", "json"), self.environment)
        assert done.returncode == code, (done.stderr, self.stderr.read_text())
        found: dict[str, Any] = json.loads(done.stdout)
        return found
