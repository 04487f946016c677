"""Servers of our own start, answer, survive a kill and leave nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stt_coordinator.local.servers import mongodb, mysql, nats, postgresql
from stt_coordinator.local.servers.process import Running, ServerError, accepts
from tests.servers.fixtures import server_or_reason

STARTS: dict[str, Callable[[Path], Running]] = {
    "nats": nats.start,
    "postgresql": postgresql.start,
    "postgresql15": lambda folder: postgresql.start(folder, binaries=postgresql.installed(15)),
    "mariadb": lambda folder: mysql.start(mysql.find_mariadb(), folder),
    "mysql": lambda folder: mysql.start(mysql.find_mysql(), folder),
    "mongodb": mongodb.start,
    "mongodb44": lambda folder: mongodb.start(folder, binary=mongodb.find("mongodb-4.4")),
}


@pytest.mark.parametrize("name", list(STARTS))
def test_a_server_survives_a_kill_and_leaves_no_process_and_no_folder(
    servers_folder: Path, name: str
) -> None:
    folder = servers_folder / f"own-{name}"
    running = server_or_reason(name, lambda: STARTS[name](folder))
    running.kill()
    with pytest.raises(OSError, match="refused"):
        accepts(running.port)
    running.restart()
    accepts(running.port)
    family = psutil.Process(running.pid)
    everyone = [family, *family.children(recursive=True)]
    running.stop()
    assert [process for process in everyone if process.is_running()] == []
    assert not folder.exists()


def test_postgresql_starts_from_a_folder_that_its_user_may_not_enter(
    servers_folder: Path,
) -> None:
    closed = servers_folder / "closed"
    closed.mkdir(mode=0o700)
    package = postgresql.packaged().parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, closed / source.name, symlinks=True)
    binaries = closed / package.name / "pginstall" / "bin"
    running = postgresql.start(servers_folder / "own-closed", binaries=binaries)
    try:
        postgresql.execute(running, "SELECT 1;")
    finally:
        running.stop()
    assert not running.directory.exists()


def test_a_server_that_cannot_start_says_why_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="nats-server ended with code 1") as caught:
        nats.start(tmp_path / "nats", extra="nonsense {")
    assert "Parse error on line" in caught.value.hint
