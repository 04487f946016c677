"""An installation of processes to be doctored: nats-server with users, a coordinator, a worker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats

from stt_cli.doctor import rights
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from stt_shared.protocol.enums import Family
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
# Real processes, but the worker is missed after 2 seconds instead of 45.
COORDINATOR = """
import asyncio, os
from datetime import timedelta
from stt_coordinator import service
from stt_coordinator.domain.time.timing import Timing
from stt_shared import settings
timing = Timing(worker_down=timedelta(seconds=2))
found = settings.load(flags={}, environ=os.environ)
asyncio.run(service.run(found, asyncio.Event(), timing))
"""
WORKER = """
import sys
from stt_cli.main import main
from stt_worker.telemetry import heartbeat
heartbeat.EVERY_S = 0.2
sys.argv = ["stt", "worker", "--config", sys.argv[1]]
sys.exit(main())
"""
USERS = """
http: "127.0.0.1:{monitor}"
authorization {{ users: [
  {{ user: all, password: all }}
  {{ user: poor, password: poor, permissions: {{
    publish: {{ allow: ["$JS.API.INFO", "$SYS.REQ.USER.INFO", "stt.v1.control.status",
                       "stt.v1.announce.eu.w1"] }}
    subscribe: ["_INBOX.>"]
  }} }}
  {{ user: coordinator, password: coordinator, permissions: {coordinator} }}
  {{ user: worker, password: worker, permissions: {worker} }}
] }}
"""
TARGETS = """
[worker]
name = "w1"
site = "eu"
state_dir = "{state}"

[[targets]]
id = "books"
family = "postgresql"
host = "127.0.0.1"
port = 1
user = "stt"
password = "file:books.secret"
tls = "off"
"""


def _users(monitor: int) -> str:
    """Coordinator and worker may do what the doctor says that they need, and nothing else."""
    coordinator = rights.of_coordinator()
    worker = rights.of_worker("eu", "w1", [Family.POSTGRESQL])
    return USERS.format(monitor=monitor, coordinator=_only(coordinator), worker=_only(worker))


def _only(needs: rights.Needs) -> str:
    publish = [*needs.publish, rights.USER_INFO]
    return json.dumps({"publish": publish, "subscribe": needs.subscribe})


Lines = dict[str, list[dict[str, Any]]]


@dataclass(kw_only=True)
class Site:
    """The processes, and the doctor that looks at them."""

    folder: Path
    nats: Running
    monitor: int
    children: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @classmethod
    def begin(cls, folder: Path) -> Site:
        monitor = free_port()
        server = embedded_nats.start(folder / "nats", extra=_users(monitor))
        return cls(folder=folder, nats=server, monitor=monitor)

    def environ(self, user: str = "all", **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
        secret = self.folder / f"{user}.password"
        secret.write_text(user)
        secret.chmod(0o600)
        return clean | {
            "STT_NATS_URL": f"nats://127.0.0.1:{self.nats.port}",
            "STT_NATS_USER": user,
            "STT_NATS_PASSWORD_FILE": str(secret),
            "STT_COORDINATOR_STATE_DIR": str(self.folder / "coordinator"),
            "STT_WEB_LISTEN": "",
            "XDG_CONFIG_HOME": str(self.folder),
            "NO_COLOR": "1",
            **more,
        }

    @property
    def config(self) -> Path:
        """The file of the worker, written as it should be."""
        path = self.folder / "worker.toml"
        if not path.exists():
            path.write_text(TARGETS.format(state=self.folder / "worker"))
            (self.folder / "books.secret").write_text("hunter2")
            for one in (path, self.folder / "books.secret"):
                one.chmod(0o600)
        return path

    def start(self, script: str, *words: str, user: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-c", script, *words],
                env=self.environ(user, **more),
                stdout=log,
                stderr=log,
            )
        self.children.append(child)
        return child

    def coordinate(self, **more: str) -> None:
        """Start a coordinator."""
        self.start(COORDINATOR, user="coordinator", **more)

    def work(self) -> None:
        """Start a worker."""
        self.start(WORKER, str(self.config), user="worker")

    def end(self) -> None:
        for child in self.children:
            child.kill()
            child.wait(30)
        self.nats.stop()

    def stt(self, *words: str, user: str = "all") -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ(user))

    def doctor(self, *words: str, user: str = "all") -> tuple[int, Lines]:
        """The exit code, and the lines by what they are about."""
        monitor = f"http://127.0.0.1:{self.monitor}"
        done = self.stt("doctor", "-o", "json", "--nats-monitor-url", monitor, *words, user=user)
        assert done.stdout, done.stderr
        lines: Lines = {}
        for line in json.loads(done.stdout):
            lines.setdefault(line["what"], []).append(line)
        return done.returncode, lines

    def until(self, what: str, level: str, *words: str) -> tuple[int, dict[str, Any]]:
        """The doctor's exit code and its line about `what` once it has that level."""
        deadline = monotonic() + TIMEOUT_S
        while True:
            code, lines = self.doctor(*words)
            for line in lines.get(what, []):
                if line["level"] == level:
                    return code, line
            assert monotonic() < deadline, (lines, (self.folder / "log").read_text())

    def ask(self, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask JetStream itself, as who may everything."""
        return asyncio.run(self._ask(subject, body))

    async def _ask(self, subject: str, body: Mapping[str, Any]) -> dict[str, Any]:
        client = await nats.connect(f"nats://all:all@127.0.0.1:{self.nats.port}")
        try:
            answer = await client.request(subject, json.dumps(body).encode(), timeout=10)
        finally:
            await client.close()
        found: dict[str, Any] = json.loads(answer.data)
        assert "error" not in found, found
        return found
