"""Exceptions from the command line: NATS, coordinator, worker and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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
WORKER = """
[[targets]]
id = "books"
family = "postgresql"
host = "{server.host}"
port = {server.port}
user = "{server.user}"
password = "env:PASSWORD_OF_BOOKS"
tls = "off"
labels = {{ team = "orders" }}
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """A stand-alone installation that has checked a server with one superuser too many."""

    environ: dict[str, str]
    folder: Path

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)

    def done(self, *words: str) -> str:
        done = self.stt(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:  # Any: what JSON may be
        return json.loads(self.done(*words, "-o", "json"))

    def refused(self, *words: str) -> str:
        done = self.stt(*words)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
        first = done.stderr.splitlines()[0]
        assert first.startswith("error: ")
        return first.removeprefix("error: ")

    def accepted(self) -> list[str]:
        rows = self.done("findings", "list", "--state", "accepted").splitlines()[1:]
        return [row.split("\t")[5] for row in rows]

    def finding(self) -> str:
        """The id of the finding that the superuser is."""
        rows = self.done("findings", "list", "--check", CHECK, "--state", "all").splitlines()
        return next(row.split("\t")[5] for row in rows if "stt_waived" in row)


@pytest.fixture(scope="module")
def installation(
    postgresql: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("exceptions")
    targets, port = folder / "targets.toml", free_port()
    targets.write_text(WORKER.format(server=postgresql))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ |= {
        "STT_WEB_LISTEN": "",  # several coordinators on one machine
        "PASSWORD_OF_BOOKS": postgresql.password,
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "XDG_CONFIG_HOME": str(folder),
        "NO_COLOR": "1",
        "LOGNAME": "ann",
    }
    place = ("--targets", str(targets), "--state-dir", str(folder), "--port", str(port))
    server.execute(postgresql, "CREATE ROLE stt_waived SUPERUSER LOGIN")
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([STT, "standalone", *place], env=environ, stderr=err)
    try:
        wait_for(folder / "stderr", "Ready on nats://")
        made = Installation(environ, folder)
        made.done("enable", "--reason", "CHG-1")
        assert run(made).returncode == 1, "the superuser fails the gate"
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        server.execute(postgresql, "DROP ROLE stt_waived")


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text():
        assert monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def run(installation: Installation) -> subprocess.CompletedProcess[str]:
    """Look again at the superusers, failing on trivial findings."""
    words = ("--check", CHECK, "--wait", "--fail-on", "trivial", "--allow-incomplete")
    return installation.stt("run", *words)


def soon(days: int = 30) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)


def test_an_accepted_finding_passes_the_gate_and_is_open_again_later(
    installation: Installation,
) -> None:
    id_ = installation.finding()
    until = soon()
    words = ("accept", id_[:10], "--until", "30d", "--reason", "CHG-4411")
    tried = installation.stt(*words, "--dry-run")
    assert tried.stdout.startswith("Would accept 1 finding until ")
    assert installation.accepted() == []
    made = installation.stt(*words)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("Accepted 1 finding until ")
    undo = made.stderr.splitlines()[-1].removeprefix("Undo: stt ").split()

    assert installation.accepted() == [id_]
    gone = run(installation)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert "1 accepted" in gone.stderr
    assert "stt_waived" not in gone.stdout
    assert id_ not in installation.done("findings", "list")
    status = installation.json("status")
    assert (status["summary"]["counts"]["accepted"], status["next_end"]) == (1, until.isoformat())
    lines = installation.done("status").splitlines()
    (line,) = [line for line in lines if line.strip().startswith("accepted ")]
    assert line.split()[:4] == ["accepted", "1", "next", "ends"]
    shown = installation.done("findings", "show", id_)
    assert "Accepted   by ann until " in shown
    assert '"CHG-4411"' in shown
    diff = installation.stt("findings", "diff", "--since", "1h")
    assert "accepted by ann until " in diff.stdout
    assert "1 accepted" in diff.stderr

    assert installation.done(*undo).startswith(f"Revoked {undo[-1]}: {id_} ")
    assert installation.accepted() == []
    back = run(installation)
    assert back.returncode == 1
    assert "stt_waived" in back.stdout
    past = installation.json("exceptions", "list", "--state", "all")["exceptions"]
    assert [(one["state"], one["exception"]["revoked_by"]) for one in past] == [("revoked", "ann")]


@pytest.mark.parametrize(
    "scope", [("--target", "books"), ("--label", "team=orders"), ("--site", "default")]
)
def test_a_check_is_accepted_on_a_target_a_label_or_a_site(
    installation: Installation, scope: tuple[str, str]
) -> None:
    words = ("--check", CHECK, *scope, "--until", soon().isoformat(), "--reason", "old cluster")
    made = installation.json("accept", *words)
    try:
        assert installation.finding() in installation.accepted()
        assert len(installation.accepted()) == made["findings"]
        assert run(installation).returncode == 0
    finally:
        installation.done("unaccept", made["exception"]["id"])
    assert installation.accepted() == []


def test_exceptions_go_through_a_file_and_back_and_twice_is_once(
    installation: Installation,
) -> None:
    file = installation.folder / "exceptions.yaml"
    file.write_text(
        "exceptions:\n"
        f"- {{id: old-cluster, check: {CHECK}, label: team=orders, until: {soon()},"
        " reason: 'old cluster: é'}\n"
        f"- {{id: lab, check: {CHECK}, site: default, severity: trivial, reason: lab}}\n"
    )
    tried = installation.stt("exceptions", "import", str(file), "--dry-run")
    assert tried.stdout == "ID\tWHAT\nold-cluster\tadded\nlab\tadded\n"
    assert installation.done("exceptions", "export").endswith("exceptions: []\n")
    installation.done("exceptions", "import", str(file), "--by", "ci")
    written = installation.done("exceptions", "export")
    file.write_text(written)
    again = installation.stt("exceptions", "import", str(file))
    assert again.stderr.splitlines()[-1] == "2 unchanged"
    assert installation.done("exceptions", "export") == written
    shown = installation.done("findings", "show", installation.finding())
    assert "by ci until " in shown
    assert " from the check, overridden" in shown
    assert shown.startswith("● trivial")
    file.write_text(written.replace("team=orders", "team=nobody"))
    reported = installation.refused("exceptions", "import", str(file))
    assert reported.startswith(
        "nothing was imported: 'old-cluster': no target has the label 'team="
    )
    installation.done("severity", "reset", CHECK, "--site", "default")
    installation.done("unaccept", "old-cluster")
    file.write_text(written)
    over = installation.stt("exceptions", "import", str(file))
    assert over.stderr.splitlines()[-1] == "2 revoked"
    assert installation.accepted() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("f_zzzz",), "unknown finding 'f_zzzz'"),
        ((), "name a finding, or a check and a target, a label or a site"),
        (("--check", CHECK), f"name a target, a label or a site for check '{CHECK}'"),
        (("--check", "nope", "--site", "default"), "unknown check 'nope'"),
        (("--check", CHECK, "--target", "nope"), "unknown target 'nope'"),
        (("--check", CHECK, "--site", "nope"), "no target is at site 'nope'"),
        (("--check", CHECK, "--label", "team=x"), "no target has the label 'team=x'"),
        (("--check", CHECK, "--label", "team"), "the label 'team' is not key=value"),
    ],
)
def test_bad_names_are_one_clear_error(
    installation: Installation, words: tuple[str, ...], sentence: str
) -> None:
    reported = installation.refused("accept", *words, "--until", "30d", "--reason", "x")
    assert reported.startswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--until", "2020-01-01", "--reason", "x"), "the last day 2020-01-01 is past, today is "),
        (("--until", "402d", "--reason", "x"), "the last day "),
        (("--until", "30d"), "the reason is empty"),
        (("--until", "soon", "--reason", "x"), "--until is 'soon', expected a date"),
        (("--reason", "x"), "--until is missing"),
    ],
)
def test_bad_days_and_empty_reasons_are_one_clear_error(
    installation: Installation, words: tuple[str, ...], sentence: str
) -> None:
    reported = installation.refused("accept", "--check", CHECK, "--site", "default", *words)
    assert reported.startswith(sentence)
    assert installation.done("exceptions", "list").count("\n") == 1
