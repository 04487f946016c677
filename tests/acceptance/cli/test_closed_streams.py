"""A closed stdout or stderr, or a reader that goes away, ends no command in a trace or as a bug."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tests.support.processes.commands import STT

SCAN = "scan postgresql://stt@127.0.0.1:9/ --check postgresql_version --allow-incomplete"
NO_NATS = "--nats-url nats://127.0.0.1:9 --nats-timeout-s 0.5"
COMMANDS = [
    *(f"{SCAN} -o {form}" for form in ("table", "json")),
    "config show",
    "config check",
    "schema",
    "grants mysql",
    "scan --help",
    f"doctor {NO_NATS}",
]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_written_is_an_error_that_says_so(command: str) -> None:
    done = shell(f"{shlex.quote(str(STT))} {command} >&-")
    assert done.returncode == 3, done.stderr
    assert "cannot write the output (stdout is closed)" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[-1], "--help", "nonsense"])
@pytest.mark.parametrize("closed", [">&- 2>&-", "<&- >&- 2>&-", "2>&1 >&- | head -c 1", "2>&-"])
def test_no_state_of_the_streams_is_a_bug(command: str, closed: str) -> None:
    done = shell(f"set -o pipefail; {shlex.quote(str(STT))} {command} {closed}")
    assert done.returncode in (0, 2, 3, 4, 141), (done.returncode, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["schema", "checks list --help"])
@pytest.mark.parametrize("reader", ["| head -c 1", "2>&1 | head -c 1", "| true", "2>&1 | true"])
def test_a_reader_that_goes_away_ends_the_command_quietly(command: str, reader: str) -> None:
    done = shell(f"set -o pipefail; {shlex.quote(str(STT))} {command} {reader}")
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_a_command_that_writes_nothing_to_stdout_needs_none() -> None:
    done = shell(f"{shlex.quote(str(STT))} {SCAN} --checks nonsense >&-")
    assert done.returncode == 2
    assert "unknown check" in done.stderr
