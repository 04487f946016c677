"""The demo as people run it: a report with real findings, and nothing left when it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import pytest

from stt_coordinator.local.servers import mongodb, mysql
from stt_coordinator.local.servers.cache import MissingServerError
from stt_shared.clock import monotonic
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.report.model import SCHEMA, Report
from tests.support.processes.commands import STT

TIMEOUT_S = 240.0  # the cluster takes a minute, and three on a busy machine
UP = "Running until Ctrl-C"
FINDS: dict[Family, tuple[Callable[[], object], ...]] = {
    Family.MYSQL: (mysql.find_mariadb, mysql.find_mysql),
    Family.MONGODB: (mongodb.find,),
}
# What the demo's databases are set up to show, by family.
SHOWN: dict[Family, set[tuple[str, str | None]]] = {
    Family.POSTGRESQL: {
        ("postgresql_super_role", "app"),
        ("postgresql_super_role", "deploy"),
    },
    Family.MYSQL: {
        ("mysql_anonymous_users", "''@'localhost'"),
        ("mysql_empty_password", "'root'@'localhost'"),
        ("mysql_empty_password", "'app'@'%'"),
    },
    Family.MONGODB: {("mongodb_auth", "security.authorization")},
}


def families() -> set[Family]:
    """The families whose server is there; all of them where servers are required."""
    if os.environ.get("STT_REQUIRE_SERVERS") == "1":
        return set(Family)
    return {Family.POSTGRESQL} | {
        family for family, finds in FINDS.items() if any(is_there(find) for find in finds)
    }


def is_there(find: Callable[[], object]) -> bool:
    try:
        find()
    except MissingServerError:
        return False
    return True


@pytest.fixture
def folder(servers_folder: Path) -> Iterator[Path]:
    """An own place for temporary files, which servers that run as another user may enter."""
    own = servers_folder / "demo"
    own.mkdir()
    own.chmod(0o755)
    yield own
    shutil.rmtree(own)


def environment(folder: Path) -> dict[str, str]:
    """Settings that would break the demo if it heeded them, and a place for its folder."""
    wrong = {"STT_NATS_URL": "nats://nowhere.invalid:1", "STT_WORKER_SITE": "not-the-demo"}
    return os.environ | wrong | {"TMPDIR": str(folder), "NO_COLOR": "1"}


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that was started by a demo whose temporary files are in `folder`."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def nothing_is_left(folder: Path) -> None:
    assert processes_of(folder) == []
    assert list(folder.glob("stt-*")) == []


@contextmanager
def staying_up(folder: Path, shown: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A demo that has written `shown` to stderr, and the file with its stderr."""
    words = folder / "stderr"
    with (folder / "stdout").open("wb") as out, words.open("wb") as err:
        demo = subprocess.Popen([STT, "demo"], env=environment(folder), stdout=out, stderr=err)
    try:
        deadline = monotonic() + TIMEOUT_S
        while shown not in words.read_text():
            assert demo.poll() is None, words.read_text()
            assert monotonic() < deadline, words.read_text()
            time.sleep(0.05)
        yield demo, words
    finally:
        demo.kill()
        demo.wait(TIMEOUT_S)


def test_one_run_reports_what_is_really_wrong_and_leaves_nothing(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = tmp_path_factory.mktemp("export") / "demo.html"
    done = subprocess.run(
        [STT, "demo", "--once", "--output", "json", "--export", page],
        env=environment(folder),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    report = msgspec.json.decode(done.stdout, type=Report)
    gated = report.summary.critical > 0
    assert done.returncode == gated, done.stderr.decode()
    assert report.schema == SCHEMA
    assert all(finding.id in page.read_text() for one in report.results for finding in one.findings)
    assert {result.family for result in report.results} == families()
    found = {
        (result.check, finding.object) for result in report.results for finding in result.findings
    }
    for family in families():
        assert SHOWN[family] <= found
    assert gated >= (Family.MYSQL in families())
    assert report.summary.targets_checked == report.summary.targets == len(families())
    unlearned = [one for one in report.results if one.outcome is Outcome.ERROR]
    assert unlearned == []
    assert (b"exit 1: " in done.stderr.splitlines()[-1]) == gated
    nothing_is_left(folder)


def test_a_cluster_reports_the_same_when_a_coordinator_and_a_broker_are_killed(
    folder: Path,
) -> None:
    done = subprocess.run(
        [STT, "demo", "--cluster", "--once", "--output", "json"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    report = msgspec.json.decode(done.stdout, type=Report)
    assert done.returncode == (report.summary.critical > 0), done.stderr
    assert report.summary.targets_checked == report.summary.targets == len(families())
    # Whichever leads by then: on a busy machine the second one may have taken over before.
    killed = re.search(r"kill -9 of (coordinator-[12]), the coordinator that acts", done.stderr)
    assert killed is not None, done.stderr
    (other,) = {"coordinator-1", "coordinator-2"} - {killed[1]}
    shown = [
        killed[0],
        "kill -9 of nats-1, one of three nats-servers",
        f"{other} acts",
        "the numbers stand: the same",
        f"one result of each of {len(families())} job",
    ]
    places = [done.stderr.find(one) for one in shown]
    assert -1 not in places, done.stderr
    assert places == sorted(places)
    nothing_is_left(folder)


def test_an_invalid_alert_address_is_reported_before_anything_starts(folder: Path) -> None:
    done = subprocess.run(
        [STT, "demo", "--webhook", "http://elsewhere.example/"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --webhook is 'http://elsewhere.example/', expected http")
    nothing_is_left(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_until_a_signal_and_then_leaves_nothing(
    folder: Path, number: signal.Signals
) -> None:
    with staying_up(folder, UP) as (demo, words):
        running = {process.name() for process in processes_of(folder)}
        assert {"nats-server", "postgres"} <= running
        demo.send_signal(number)
        assert demo.wait(TIMEOUT_S) == 0, words.read_text()
        nothing_is_left(folder)
    shown = (folder / "stdout").read_text()
    assert "postgresql_super_role" in shown
    assert "export STT_NATS_URL=nats://127.0.0.1:" in words.read_text()
    assert "The page: http://127.0.0.1:" in words.read_text()


def test_a_signal_before_there_is_a_report_leaves_nothing(folder: Path) -> None:
    with staying_up(folder, "ok  PostgreSQL") as (demo, words):
        demo.send_signal(signal.SIGHUP)
        assert demo.wait(TIMEOUT_S) == 130, words.read_text()
        nothing_is_left(folder)


def test_a_server_that_dies_is_named_and_ends_the_rest(folder: Path) -> None:
    with staying_up(folder, UP) as (demo, words):
        broker = next(one for one in processes_of(folder) if one.name() == "nats-server")
        broker.kill()
        assert demo.wait(TIMEOUT_S) == 3, words.read_text()
        assert "error: nats-server ended by itself with code -9" in words.read_text()
        nothing_is_left(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_demo_that_is_killed_takes_every_process_with_it(folder: Path) -> None:
    with staying_up(folder, UP) as (demo, _):
        demo.kill()
        demo.wait(TIMEOUT_S)
        deadline = monotonic() + TIMEOUT_S
        while left := processes_of(folder):
            assert monotonic() < deadline, [process.name() for process in left]
            time.sleep(0.05)
