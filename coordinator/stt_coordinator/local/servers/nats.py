"""An embedded nats-server with JetStream that puts every acknowledged message on the disk."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import HOST, Running, free_port

CONFIG = """\
listen: "{host}:{port}"
max_payload: 1MB
ping_interval: "20s"
write_deadline: "10s"
pid_file: "{directory}/nats.pid"
jetstream {{
  store_dir: "{directory}/data"
  sync_interval: {sync}
}}
{extra}
"""
# In `extra` of each server of a cluster.
CLUSTER = """\
server_name: {name}
cluster {{
  name: stt
  listen: "{host}:{port}"
  routes: [{routes}]
}}
"""


def member(name: str, ports: Mapping[str, int]) -> str:
    """The configuration of the server `name` of a cluster; `ports` are those of the routes."""
    others = (port for other, port in ports.items() if other != name)
    routes = ", ".join(f'"nats://{HOST}:{port}"' for port in others)
    return CLUSTER.format(name=name, host=HOST, port=ports[name], routes=routes)


def find() -> Path:
    """The nats-server beside this Python, or on PATH; raises MissingServerError."""
    beside = Path(sys.executable).parent / "nats-server"
    found = beside if beside.exists() else cache.on_path("nats-server")
    if found is None:
        raise cache.missing("nats-server")
    return found


def start(
    directory: Path,
    *,
    port: int | None = None,
    sync_always: bool = True,
    temporary: bool = True,
    binary: Path | None = None,
    extra: str = "",
    greets: bool = True,
) -> Running:
    """Start a nats-server on loopback with its data in `directory`; `extra` is configuration.

    `greets` is False for a server that sends nothing before TLS has begun (`handshake_first`).
    """
    chosen = free_port() if port is None else port
    program = binary or find()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "nats.conf"
    text = CONFIG.format(
        host=HOST,
        port=chosen,
        directory=directory,
        sync="always" if sync_always else '"2m"',
        extra=extra,
    )
    config.write_text(text, encoding="utf-8")
    return Running(
        name="nats-server",
        command=[str(program), "--config", str(config)],
        directory=directory,
        ready=lambda: _accepts(chosen, greets=greets),
        port=chosen,
        binary=program,
        temporary=temporary,
    ).start()


def _accepts(port: int, *, greets: bool) -> None:
    """Return if the server accepts connections, and sends INFO if it greets; OSError if not."""
    with socket.create_connection((HOST, port), timeout=1) as connection:
        if greets and not connection.recv(4).startswith(b"INFO"):
            raise ConnectionError("no greeting")
