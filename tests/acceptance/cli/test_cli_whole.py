"""The whole mission from the command line: NATS, coordinator, worker and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from stt_shared.report.model import Report
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
WORKER = """
[[targets]]
id = "books"
family = "postgresql"
host = "{server.host}"
port = {server.port}
user = "{server.user}"
password = "env:PASSWORD_OF_BOOKS"
tls = "off"

[[targets]]
id = "gone"
family = "postgresql"
host = "127.0.0.1"
port = {nobody}
user = "stt"
password = "env:PASSWORD_OF_BOOKS"
tls = "off"
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """A stand-alone installation with one target that answers and one that does not."""

    environ: dict[str, str]

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)

    def json(self, *words: str) -> dict[str, Any]:
        done = self.stt(*words, "-o", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def installation(
    postgresql: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("whole")
    targets, port = folder / "targets.toml", free_port()
    targets.write_text(WORKER.format(server=postgresql, nobody=free_port()))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ["STT_WEB_LISTEN"] = ""  # several coordinators on one machine
    environ |= {
        "PASSWORD_OF_BOOKS": postgresql.password,
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "XDG_CONFIG_HOME": str(folder),
        "NO_COLOR": "1",
        "LOGNAME": "ann",
    }
    command = [
        str(STT),
        "standalone",
        "--targets",
        str(targets),
        "--state-dir",
        str(folder),
        "--port",
        str(port),
    ]
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(command, env=environ, stderr=err)
    try:
        wait_for(folder / "stderr", "Ready on nats://")
        yield Installation(environ)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text():
        assert monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def test_before_it_is_enabled_nothing_runs_and_the_next_step_is_shown(
    installation: Installation,
) -> None:
    done = installation.stt("run", "--wait")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines() == [
        "Checks are disabled (never enabled). No run was started.",
        "  to see what would run:   stt checks plan",
        '  to enable:               stt enable --reason "..."',
        "exit 5: checks are disabled",
    ]
    assert installation.stt("status").stdout.startswith("Checks are disabled (never enabled).")
    listed = installation.stt("checks", "list")
    assert "postgresql_super_role\tpostgresql\t24 h\ton\t" in listed.stdout
    number = len(listed.stdout.splitlines()) - 1
    assert listed.stderr.startswith(f"{number} checks; mongodb ")
    names = [one["target"] for one in installation.json("targets", "list")["targets"]]
    assert names == ["books", "gone"]


def test_enable_is_seen_in_the_status_with_who_and_why(installation: Installation) -> None:
    done = installation.stt("enable", "--reason", "CHG-1")
    assert done.returncode == 0
    assert done.stdout.endswith('(by ann: "CHG-1").\n')
    assert "First run " in done.stderr
    state = installation.json("status")["state"]
    assert (state["enabled"], state["by"], state["reason"]) == (True, "ann", "CHG-1")


def test_a_run_that_is_waited_for_ends_in_the_documented_report(
    installation: Installation,
) -> None:
    done = installation.stt("run", "--wait", "--fail-on", "none", "-o", "json")
    report = msgspec.json.decode(done.stdout, type=Report)
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1].startswith("exit 3: ")
    assert (report.summary.targets, report.summary.targets_checked) == (2, 1)
    assert {result.outcome for result in report.results if result.target == "gone"} == {"error"}
    assert {result.kind for result in report.results if result.target == "gone"} == {"unreachable"}


def test_only_what_was_chosen_is_run(installation: Installation) -> None:
    words = ("run", "--target", "books", "--check", "postgresql_super_role", "--wait")
    done = installation.stt(*words, "--fail-on", "none", "-o", "json")
    results = json.loads(done.stdout)["results"]
    assert [(one["target"], one["check"]) for one in results] == [
        ("books", "postgresql_super_role")
    ]
    assert done.returncode == 0


def test_the_plan_shows_every_statement_once_per_target_and_only_fitting_ones(
    installation: Installation,
) -> None:
    done = installation.stt("checks", "plan", "--target", "books", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    planned = [json.loads(line) for line in done.stdout.splitlines()]
    statements = [(one["statement"], one["all_dbs"]) for one in planned]
    assert len(statements) == len(set(statements))
    assert {one["target"] for one in planned} == {"books"}
    begins = [text for text, _ in statements if "BEGIN TRANSACTION" in text]
    assert begins
    assert all("READ ONLY" in text for text in begins)
    superusers = [one for one in planned if "postgresql_super_role" in one["checks"]]
    # Nothing is known of its server yet: a statement for each range of versions.
    assert sorted("set_option" in one["statement"] for one in superusers) == [False, True]
    table = installation.stt("checks", "plan").stdout.splitlines()
    assert table[0] == "DATABASE\tSERVER\tCHECKS\tSTATEMENT"
    assert {line.split("\t")[0] for line in table[1:]} == {"books", "gone"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target", "nope"), "nope"),
        (("--check", "postgresql_versoin"), "postgresql_versoin"),
        (("--site", "nowhere"), "nowhere"),
    ],
)
def test_an_unknown_target_check_or_site_is_a_usage_error(
    installation: Installation, words: tuple[str, ...], sentence: str
) -> None:
    done = installation.stt("run", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr.splitlines()[0]


def test_a_finding_is_listed_shown_and_reported_as_new(
    installation: Installation, postgresql: Running
) -> None:
    from stt_coordinator.local.servers import postgresql as server  # noqa: PLC0415

    server.execute(postgresql, "CREATE ROLE whole_super SUPERUSER LOGIN")
    try:
        done = installation.stt("run", "--target", "books", "--wait", "--fail-on", "major")
        assert done.returncode == 1, done.stderr
        assert "failed check" in done.stderr.splitlines()[-1]
        rows = [
            line.split("\t") for line in installation.stt("findings", "list").stdout.splitlines()
        ]
        row = next(row for row in rows if "whole_super" in row[6])
        assert row[1:4] == ["postgresql_super_role", "books", "default"]
        shown = installation.stt("findings", "show", row[5][:9])
        assert "whole_super" in shown.stdout
        assert "NOSUPERUSER" in shown.stdout
        changes = installation.json("findings", "diff", "--since", "1h")["changes"]
        opened = [one["after"]["object"] for one in changes if one["change"] == "opened"]
        assert "whole_super" in opened
    finally:
        server.execute(postgresql, "DROP ROLE whole_super")
    installation.stt("run", "--target", "books", "--wait")
    resolved = installation.stt("findings", "list", "--state", "resolved").stdout
    assert "whole_super" in resolved


def test_the_report_of_everything_holds_every_pair(installation: Installation) -> None:
    report = installation.json("findings", "list")
    pairs = {(one["target"], one["check"]) for one in report["results"]}
    checks = [one["check"] for one in installation.json("checks", "list")["checks"]]
    mine = [check for check in checks if check.startswith("postgresql_")]
    assert len(pairs) == len(report["results"]) == 2 * len(mine)
    assert report["summary"]["not_checked"] >= len(mine)


def test_a_check_that_is_switched_off_is_left_out_until_it_is_on_again(
    installation: Installation,
) -> None:
    assert installation.stt("checks", "disable", "postgresql_version").returncode == 0
    off = {one["check"]: one["enabled"] for one in installation.json("checks", "list")["checks"]}
    assert not off["postgresql_version"]
    done = installation.stt("run", "--target", "books", "--wait", "--fail-on", "none", "-o", "json")
    ran = {one["check"] for one in json.loads(done.stdout)["results"]}
    assert ("postgresql_version" in ran, "postgresql_super_role" in ran) == (False, True)
    assert installation.stt("checks", "enable", "postgresql_version").returncode == 0


def test_runs_are_remembered(installation: Installation) -> None:
    runs = installation.json("runs", "list")["runs"]
    assert len(runs) >= 4
    report = installation.json("runs", "show", runs[-1]["run_id"])
    assert report["run_id"] == runs[-1]["run_id"]
    assert installation.stt("runs", "show", "nope").returncode == 2


def test_the_doctor_finds_nothing_to_mend(installation: Installation) -> None:
    done = installation.stt("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " fail" not in done.stdout


def test_after_disable_nothing_runs_and_what_was_found_stays(installation: Installation) -> None:
    before = installation.json("findings", "list")["results"]
    assert installation.stt("disable", "--reason", "maintenance").returncode == 0
    done = installation.stt("run")
    assert done.returncode == 5
    assert done.stderr.startswith("Checks are disabled since ")
    assert 'maintenance"). No run was started.' in done.stderr.splitlines()[0]
    assert installation.json("findings", "list")["results"] == before
