"""The command `stt`: help, errors, exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

COMMANDS = (
    "status",
    "enable",
    "disable",
    "run",
    "findings list",
    "findings show",
    "findings watch",
    "findings diff",
    "targets list",
    "checks list",
    "checks show",
    "checks disable",
    "checks enable",
    "runs list",
    "runs show",
    "pack build",
    "pack sign",
    "pack verify",
    "pack keygen",
    "pack show",
    "doctor",
    "config check",
    "config show",
    "schema",
    "version",
)


def stt(*words: str, home: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing of ours in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    own = {"XDG_CONFIG_HOME": str(home or "/nonexistent"), "NO_COLOR": "1"}
    return prepared().run(words, clean | own | environ)


def started(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same by the installed program, from the start of its interpreter."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    own = {"XDG_CONFIG_HOME": "/nonexistent", "NO_COLOR": "1"}
    return subprocess.run(
        [STT, *words],
        env=clean | own | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("--help",), ("statsu",), ("version",), ("schema", "report")])
def test_the_installed_program_does_what_the_prepared_one_does(words: tuple[str, ...]) -> None:
    program, prepared_one = started(*words), stt(*words)
    assert program.returncode == prepared_one.returncode
    assert (program.stdout, program.stderr) == (prepared_one.stdout, prepared_one.stderr)


def test_help_shows_every_command_without_starting_anything() -> None:
    done = stt("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in {command.split()[0] for command in COMMANDS}:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_opens_with_examples_and_says_whether_it_writes(
    command: str,
) -> None:
    done = stt(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Examples:\n  stt {command}")
    assert ("(ro)" in done.stdout) != ("(rw)" in done.stdout)
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_an_unknown_command_names_the_one_meant() -> None:
    done = stt("statsu")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('error: unknown command "statsu". Did you mean "status"?')
    assert done.stderr.endswith("exit 2: wrong usage or configuration\n")


def test_an_unknown_option_names_the_one_meant() -> None:
    done = stt("findings", "list", "--severty", "major")
    assert done.returncode == 2
    assert "error: unknown option: --severty. Did you mean --severity?" in done.stderr


def test_an_unknown_value_names_those_there_are() -> None:
    done = stt("findings", "list", "--severity", "critical,high")
    assert done.returncode == 2
    assert "--severity: 'high' is not one of critical, major, trivial" in done.stderr


def test_every_fault_of_the_settings_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[nats]\nulr = "x"\ntimeout_s = 900\n[worker]\nconcurrency = "many"\n')
    done = stt("config", "check", "--config", str(path), STT_LOG_LEVEL="loud")
    assert (done.returncode, done.stdout) == (2, "")
    for fault in (
        f"{path}:2: unknown setting 'nats.ulr', did you mean 'nats.url'?",
        f"{path}:3: nats.timeout_s is 900, expected 0.1 to 300",
        f"{path}:5: worker.concurrency is 'many', expected a whole number",
        "environment STT_LOG_LEVEL: log.level is 'loud'",
    ):
        assert f"\n  {fault}" in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = stt("status", "--config", str(tmp_path / "nope.toml"))
    assert done.returncode == 2
    assert f"error: cannot read {tmp_path / 'nope.toml'} (no such file or directory)" in done.stderr


def test_settings_show_their_origin_and_hide_secrets(tmp_path: Path) -> None:
    path = tmp_path / "stt" / "config.toml"
    path.parent.mkdir()
    path.write_text('[nats]\nurl = "nats://file:1"\npassword = "hunter2"\nuser = "ann"\n')
    done = stt("config", "show", "--origin", "--nats-timeout-s", "3", home=tmp_path)
    rows = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert rows["nats.url"] == f"nats://file:1\t{path}:2"
    assert rows["nats.password"] == f"****\t{path}:3"
    assert rows["nats.timeout_s"] == "3.0\tflag --nats-timeout-s"
    assert rows["log.level"] == "info\tdefault"
    assert "hunter2" not in done.stdout + done.stderr


def test_nats_that_is_down_is_exit_4_with_the_address_and_what_to_set() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        done = stt("status", "--nats-url", url, "--nats-timeout-s", "2")
    assert (done.returncode, done.stdout) == (4, "")
    first, second, *_, last = done.stderr.splitlines()
    assert first == f"error: cannot reach NATS at {url} (connection refused)"
    assert second.startswith("  set the address with --nats-url, STT_NATS_URL or")
    assert last == "exit 4: NATS, the coordinator or its store cannot be reached"


def test_the_doctor_tells_that_nats_is_down_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        done = stt("doctor", "--nats-url", url, "--nats-timeout-s", "2", "-o", "json")
    assert done.returncode == 4
    assert [line["level"] for line in json.loads(done.stdout)] == ["ok", "ok", "ok", "fail"]
    assert done.stderr.splitlines()[-1] == "exit 4: 1 problem, first: NATS"


def test_every_schema_is_json_schema() -> None:
    names = stt("schema").stdout.split()
    assert {"report", "job", "result", "summary", "event.finding"} <= set(names)
    for name in ("report", "result"):
        schema = json.loads(stt("schema", name).stdout)
        assert schema["$schema"].endswith("2020-12/schema")
        assert schema["$ref"].removeprefix("#/$defs/") in schema["$defs"]


def test_the_schema_of_the_report_names_the_documented_fields() -> None:
    found = json.loads(stt("schema", "report").stdout)["$defs"]
    assert set(found["Report"]["properties"]) == {
        "schema",
        "run_id",
        "started",
        "finished",
        "summary",
        "notice",
        "written",
        "results",
    }
    assert found["Report"]["properties"]["schema"] == {"const": "stt.report/v1"}
    assert set(found["ReportedFinding"]["required"]) == {
        "id",
        "severity",
        "object",
        "summary",
        "description",
        "remediation",
        "evidence",
        "since",
    }


def test_a_check_can_be_read_offline_with_every_statement_it_sends() -> None:
    done = stt("checks", "show", "mysql_security_user_without_password")
    assert done.returncode == 0
    assert done.stdout.startswith("mysql_empty_password  Accounts without a password")
    assert "SELECT CURRENT_USER() AS current_account" in done.stdout
    assert "def check_context(docs, context):" in done.stdout
    found = json.loads(stt("checks", "show", "mysql_empty_password", "-o", "json").stdout)
    assert found["privileges"]["mariadb"] == ["SELECT ON mysql.global_priv"]


def test_an_unknown_check_names_the_one_meant() -> None:
    done = stt("checks", "show", "mysql_versoin")
    assert done.returncode == 2
    assert "unknown check 'mysql_versoin', did you mean 'mysql_version'?" in done.stderr


def test_a_closed_pipe_is_not_an_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{STT}' schema report | head -c 1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{", "")


def test_version_is_for_people_and_for_machines() -> None:
    assert stt("version").stdout.startswith("stt ")
    assert json.loads(stt("version", "-o", "json").stdout)["libraries"]["nats-py"]


def test_a_terminal_that_knows_no_unicode_gets_escapes_not_a_failure() -> None:
    done = started("schema", "report◆", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith(r"error: unknown schema 'report\u25c6'")
