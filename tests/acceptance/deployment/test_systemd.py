"""The units are what systemd takes, and the services speak to it as their units say."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.commands import STT

UNITS = Path(__file__).parents[3] / "contrib" / "systemd"
INSTALLED = "/opt/stt/bin/stt"
MAX_EXPOSURE = 20  # tenths, of 100: systemd calls up to 2.0 OK, and an open service 9.6
NAMES = ["stt-coordinator.service", "stt-worker.service"]
TIMEOUT_S = 60.0


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("systemd-analyze is required: it comes with Debian's package systemd")
    return subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=60, check=False
    )


def here(name: str, folder: Path) -> Path:
    """The unit with this installation's program, which has to exist."""
    unit = folder / name
    unit.write_text((UNITS / name).read_text().replace(INSTALLED, str(STT)))
    return unit


@pytest.mark.parametrize("name", NAMES)
def test_systemd_takes_the_unit_without_a_word(name: str, tmp_path: Path) -> None:
    done = analyze("verify", str(here(name, tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_is_exposed_no_more_than_it_has_to_be(name: str, tmp_path: Path) -> None:
    words = ["security", "--offline=true", f"--threshold={MAX_EXPOSURE}"]
    done = analyze(*words, str(here(name, tmp_path)))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_waits_for_ready_and_watches(name: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((UNITS / name).read_text())
    service = unit["Service"]
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "60")
    assert "LoadCredential" in service
    assert service["Environment"].endswith("=%d/nats.nk")


def command(name: str, folder: Path, server: Running) -> list[str]:
    """The command of the unit with files of this test."""
    targets = folder / "worker.toml"
    targets.write_text(
        '[[targets]]\nid = "one"\nfamily = "postgresql"\n'
        f'host = "{server.host}"\nport = {server.port}\nuser = "stt"\npassword = "cred:one"\n'
    )
    role = name.removeprefix("stt-").removesuffix(".service")
    return [str(STT), role, *(["--config", str(targets)] if role == "worker" else [])]


@pytest.mark.parametrize("name", NAMES)
def test_the_service_is_ready_before_nats_is_there_alive_and_ends_in_words(
    name: str, tmp_path: Path, postgresql: Running
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(TIMEOUT_S)
        environ = {k: v for k, v in os.environ.items() if not k.startswith("STT_")}
        environ |= {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "200000",
            "STATE_DIRECTORY": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
            "STT_NATS_URL": "nats://127.0.0.1:9",
            "STT_WEB_LISTEN": "",
        }
        process = subprocess.Popen(
            command(name, tmp_path, postgresql), env=environ, stderr=subprocess.PIPE, text=True
        )
        try:
            states = [manager.recv(4096).decode() for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            while states[-1] != "STOPPING=1":
                states.append(manager.recv(4096).decode())
        finally:
            _, err = process.communicate(timeout=TIMEOUT_S)
    assert states[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"], err
    assert process.returncode == 0
    assert all(json.loads(line) for line in err.splitlines())
