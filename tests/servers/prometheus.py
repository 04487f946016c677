"""Prometheus, promtool and Alertmanager of Debian's packages, on loopback."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import HOST, Running, free_port

PACKAGE = "prometheus"


def find(name: str) -> Path:
    """A program of the packages, on PATH or in the cache; raises MissingServerError."""
    found = cache.on_path(name) or cache.folder() / PACKAGE / "usr" / "bin" / name
    if not found.exists():
        raise cache.missing(name)
    return found


def start_prometheus(directory: Path, config: str) -> Running:
    """A Prometheus with `config` and its data in `directory`."""
    port, program = free_port(), find("prometheus")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "prometheus.yml").write_text(config, encoding="utf-8")
    return Running(
        name="prometheus",
        command=[
            str(program),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ],
        directory=directory,
        ready=lambda: is_ready(port),
        port=port,
    ).start()


def start_alertmanager(directory: Path, config: str) -> Running:
    """An Alertmanager without peers, with `config` and its data in `directory`."""
    port, program = free_port(), find("prometheus-alertmanager")
    directory.mkdir(parents=True, exist_ok=True)
    # Where the unpacked program looks for its templates, see tests/servers/install.py.
    (directory / "usr").symlink_to(cache.folder() / PACKAGE / "usr")
    (directory / "alertmanager.yml").write_text(config, encoding="utf-8")
    return Running(
        name="alertmanager",
        command=[
            str(program),
            f"--config.file={directory / 'alertmanager.yml'}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ],
        directory=directory,
        ready=lambda: is_ready(port),
        port=port,
    ).start()


def is_ready(port: int) -> None:
    """Return if the server says it is ready; raises OSError if not."""
    urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=5).close()
