"""NATS, a coordinator and a worker in processes of their own, which log all they do."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stt_coordinator.local.servers import nats
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
SITE, WORKER = "eu-west", "w1"
TAKEN_IN = '"result_recorded"'
GONE = "gone"  # a target at whose address nobody answers
TARGET = """
[[targets]]
id = "{id}"
family = "{family}"
host = "{host}"
port = {port}
user = "{user}"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What runs, and where it logs."""

    environ: dict[str, str]
    folder: Path

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What `coordinator` or `worker` logged: every line must be a JSON object."""
        text = (self.folder / f"{name}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def wait_for(self, holds: Callable[[], object]) -> None:
        deadline = monotonic() + TIMEOUT_S
        while not holds():
            assert monotonic() < deadline, (self.folder / "worker.log").read_text()[-2000:]
            time.sleep(0.1)

    def run_once(self, jobs: int) -> str:
        """Enable, and wait for the `jobs` results of the run that follows; its id."""
        enabled = self.stt("enable", "--reason", "CHG-1", "-o", "json")
        assert enabled.returncode == 0, enabled.stderr
        log = self.folder / "coordinator.log"
        self.wait_for(lambda: log.read_text().count(TAKEN_IN) == jobs)
        run_id: str = json.loads(enabled.stdout)["run_id"]
        return run_id


@contextmanager
def installed(
    folder: Path, server: Running, targets: tuple[str, ...], more: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """All of it, with `targets` on a PostgreSQL and one MySQL that is not there."""
    words = {"host": server.host, "user": server.user}
    named = [
        TARGET.format(id=one, family="postgresql", port=server.port, **words) for one in targets
    ]
    named.append(TARGET.format(id=GONE, family="mysql", port=free_port(), **words))
    config = folder / "worker.toml"
    config.write_text("".join(named))
    own = ("STT_", "NATS_", "OTEL_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with ExitStack() as stack:
        broker = nats.start(folder / "nats")
        stack.callback(broker.stop)
        environ |= {
            "STT_WEB_LISTEN": "",  # several coordinators on one machine
            "STT_NATS_URL": broker.url,
            "STT_LOG_LEVEL": "debug",
            "PASSWORD_OF_DATABASES": server.password,
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            **(more or {}),
        }
        site = Site(environ, folder)
        worker = ("worker", "--config", str(config), "--site", SITE, "--name", WORKER)
        for name, command in (("coordinator", ("coordinator",)), ("worker", worker)):
            stack.enter_context(_process(site, name, command))
        log = folder / "coordinator.log"
        site.wait_for(lambda: '"coordinator_started"' in log.read_text())
        yield site


@contextmanager
def _process(site: Site, name: str, command: tuple[str, ...]) -> Iterator[None]:
    with (site.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([STT, *command], env=site.environ, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(60) == 0
