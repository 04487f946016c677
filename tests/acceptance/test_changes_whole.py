"""What changed, on the command line and the page: NATS, both halves and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.local.servers import postgresql as server
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
CHECK = "postgresql_super_role"
TARGET = """
[[targets]]
id = "{name}"
family = "postgresql"
host = "{server.host}"
port = {server.port}
user = "{user}"
password = "env:{password}"
tls = "off"
"""
BEFORE = (
    "CREATE ROLE stt_guest LOGIN PASSWORD 'of a guest'",
    "CREATE ROLE stt_leaves SUPERUSER LOGIN",
    "CREATE ROLE stt_stays SUPERUSER LOGIN",
)
BETWEEN = (
    "DROP ROLE stt_leaves",
    "CREATE ROLE stt_comes SUPERUSER LOGIN",
    "ALTER ROLE stt_guest NOLOGIN",
)
AFTER = ("DROP ROLE IF EXISTS stt_guest, stt_leaves, stt_comes, stt_stays",)


@dataclass(frozen=True, slots=True)
class Installation:
    """A stand-alone installation that has looked twice, and what it called the two runs."""

    environ: dict[str, str]
    url: str
    first: str = ""
    second: str = ""

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)

    def json(self, *words: str) -> Any:  # Any: what JSON may be
        done = self.stt(*words, "-o", "json")
        assert done.returncode in (0, 1, 3), done.stdout + done.stderr
        return json.loads(done.stdout)

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310  # ours
            return str(answer.read(), "utf-8")

    def checked(self) -> str:
        return str(self.json("run", "--check", CHECK, "--wait")["run_id"])


@pytest.fixture(scope="module")
def installation(
    postgresql: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("changes")
    (folder / "targets.toml").write_text(
        TARGET.format(name="books", server=postgresql, user=postgresql.user, password="OF_BOOKS")
        + TARGET.format(name="ledger", server=postgresql, user="stt_guest", password="OF_GUEST")
    )
    port, web = free_port(), free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ |= {
        "STT_WEB_LISTEN": f"127.0.0.1:{web}",
        "OF_BOOKS": postgresql.password,
        "OF_GUEST": "of a guest",
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "XDG_CONFIG_HOME": str(folder),
        "NO_COLOR": "1",
        "LOGNAME": "ann",
    }
    words = ("--targets", str(folder / "targets.toml"), "--state-dir", str(folder))
    for statement in BEFORE:
        server.execute(postgresql, statement)
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [STT, "standalone", *words, "--port", str(port)], env=environ, stderr=err
        )
    try:
        wait_for(folder / "stderr", "Ready on nats://")
        made = Installation(environ, f"http://127.0.0.1:{web}")
        assert made.stt("enable", "--reason", "CHG-1").returncode == 0
        first = made.checked()
        listed = made.stt("findings", "list", "--check", CHECK, "--target", "books").stdout
        (stays,) = [row.split("\t")[5] for row in listed.splitlines() if "stt_stays" in row]
        for statement in BETWEEN:
            server.execute(postgresql, statement)
        waived = made.stt("accept", stays, "--until", "30d", "--reason", "CHG-4411")
        assert waived.returncode == 0, waived.stderr
        yield Installation(environ, made.url, first, made.checked())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        for statement in AFTER:
            server.execute(postgresql, statement)


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text():
        assert monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def test_two_runs_are_compared_with_what_could_not_be_checked(installation: Installation) -> None:
    runs = ("--run", installation.first, "--run", installation.second)
    done = installation.stt("findings", "diff", *runs)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    reported = {(row[0], row[5].partition(" until")[0]) for row in rows}
    assert reported == {("+", "new"), ("-", "fixed"), ("~", "accepted by ann")}
    assert {row[3] for row in rows} == {"books"}
    for name, sign in (("stt_comes", "+"), ("stt_leaves", "-"), ("stt_stays", "~")):
        assert any(row[0] == sign and name in row[6] for row in rows), (name, rows)
    assert "? ledger not checked (login refused), last answer " in done.stderr
    assert done.stderr.splitlines()[-1].startswith("1 new, 1 fixed, 1 accepted, 1 database not ")


def test_interface_page_and_a_single_run_have_equal_numbers(installation: Installation) -> None:
    both = f"run_a={installation.second}&run_b={installation.first}"
    found = json.loads(installation.page(f"/api/v1/diff?{both}"))
    changes = sorted(one["change"] for one in found["differences"])
    assert changes == ["accepted", "opened", "resolved"]
    (silent,) = found["unchecked"]
    assert (silent["target"], silent["kind"], bool(silent["last_checked"])) == (
        "ledger",
        "auth",
        True,
    )
    alone = installation.json("findings", "diff", "--run", installation.second)
    assert alone["before"]["run_id"] == installation.first
    assert sorted(one["change"] for one in alone["differences"]) == changes
    for path in (f"/changes?{both}", f"/changes?run_b={installation.second}"):
        page = installation.page(path)
        assert "1 new, 1 fixed, 1 accepted, 1 database not checked." in page
        assert "login refused" in page
    assert f"/changes?run_b={installation.second}" in installation.page("/runs")


def test_the_days_count_what_was_opened_and_fixed(installation: Installation) -> None:
    trend = installation.json("findings", "trend", "--days", "2")
    numbers = [sum(day["resolved"].values()) for day in trend["days"]]
    assert sum(numbers) == 1
    assert sum(one["fixed"] for one in trend["fix_times"]) == 1
    counts = installation.json("status")["summary"]["counts"]
    assert trend["days"][-1]["open"] == {
        name: counts[name] for name in ("critical", "major", "trivial")
    }
    assert "Time to fix" in installation.page("/runs")


def test_a_run_that_is_not_there_is_one_clear_error(installation: Installation) -> None:
    done = installation.stt("findings", "diff", "--run", installation.first, "--run", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: unknown run 'nope'"
