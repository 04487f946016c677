"""Everything on one machine with data that lasts: restarted, reloaded, and alone on its data."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running, accepts
from tests.support.processes.standalone import Machine


@pytest.fixture
def machine(tmp_path: Path, postgresql: Running) -> Machine:
    return Machine(tmp_path, postgresql)


def test_what_was_enabled_and_found_is_still_there_after_a_restart(machine: Machine) -> None:
    with machine.up():
        assert not machine.stt("status")["state"]["enabled"]
        machine.stt("enable", "--reason", "test")
        before = machine.stt("run", "--wait", "--fail-on", "none", "--allow-incomplete")
        assert before["summary"]["targets_checked"] == 1
    with machine.up():
        assert machine.stt("status")["state"]["enabled"]
        after = machine.stt("findings", "list")
    assert after["results"] == before["results"]
    assert "Checks are on since" in machine.stderr.read_text()


def test_a_hang_up_reads_the_targets_again(machine: Machine) -> None:
    with machine.up() as process:
        machine.lists("one", "two")
        process.send_signal(signal.SIGHUP)
        machine.until(lambda: machine.stt("status")["summary"]["counts"]["targets"] == 2)


def test_a_second_one_on_the_same_data_is_refused(machine: Machine) -> None:
    with machine.up():
        done = subprocess.run(
            machine.command, env=machine.environment, capture_output=True, check=False
        )
    assert done.returncode == 2
    assert b"another stt standalone keeps its data in" in done.stderr


def test_wrong_targets_are_reported_with_their_line_and_nothing_stays_up(machine: Machine) -> None:
    machine.targets.write_text('[[targets]]\nid = "one"\nfamily = "oracle"\n')
    done = subprocess.run(
        machine.command, env=machine.environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert b"targets.toml:3" in done.stderr
    with pytest.raises(OSError, match="refused"):
        accepts(machine.port)
