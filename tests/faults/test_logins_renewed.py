"""The log-ins of coordinator, worker and command line are renewed and revoked under load.

One form with each change; `make chaos` renews each of them several times.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stt_shared.errors import EXIT_UNREACHABLE
from tests.support.processes.commands import stt
from tests.support.processes.coordinators import logged
from tests.support.processes.process import Process
from tests.support.shared.renewals import LOGINS, Login

FORMS = os.environ.get("STT_TEST_LOGINS", "nkey").split(",")
ROUNDS = int(os.environ.get("STT_TEST_ROUNDS", "1"))
# Two processes need 4 s of a core each to start: 50 s, measured at a load of 20 on two cores.
LIMIT_S = 300.0
DAMAGED_S = 2.0  # for which reconnects find half a file
TARGETS = 4
WORKER = """
[worker]
name = "w1"
site = "eu"
state_dir = "{folder}/worker"
"""
TARGET = """
[[targets]]
id = "t{number}"
family = "postgresql"
host = "127.0.0.1"
port = 1
user = "u"
password = "env:PW"
tls = "off"
"""


@dataclass
class Load:
    """Requests runs one after the other, each by a process of the command line."""

    login: Login
    stop: threading.Event = field(default_factory=threading.Event)
    requested: set[str] = field(default_factory=set[str])
    codes: set[int] = field(default_factory=set[int])  # of requests that failed

    def work(self) -> None:
        while not self.stop.is_set():
            done = stt("run", "-o", "json", **self.login.environ)
            if done.returncode == 0:
                self.requested.add(json.loads(done.stdout)["run"]["run_id"])
            else:
                self.codes.add(done.returncode)


@contextmanager
def loaded(login: Login) -> Iterator[Load]:
    load = Load(login)
    thread = threading.Thread(target=load.work)
    thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        thread.join()


def until(holds: Callable[[], bool], what: str, processes: list[Process]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        tails = [one.tail() for one in processes if one.log.exists()]
        assert time.monotonic() < deadline, (what, tails)
        time.sleep(0.1)


def asked(login: Login, *words: str) -> list[dict[str, Any]]:
    """The list that a command prints; empty if it fails."""
    done = stt(*words, "-o", "json", **login.environ)
    found = json.loads(done.stdout) if done.returncode == 0 else []
    return found if isinstance(found, list) else found[words[0]]


def is_whole(run: dict[str, Any]) -> bool:
    # Of targets whose jobs no worker has received yet, the run that asked for them has the jobs.
    return (run["state"], run["done"], run["unanswered"]) == ("finished", run["jobs"], 0)


def losses(process: Process) -> int:
    return sum(one["event"] == "connection_lost" for one in logged(process))


def replace(login: Login, processes: list[Process]) -> None:
    """Revoke the log-in, let reconnects find half of the new one, and then the whole."""
    before = {one.log: losses(one) for one in processes}
    login.revoke()
    until(lambda: all(losses(one) > before[one.log] for one in processes), "the cut", processes)
    refused = stt("status", **login.old)
    assert refused.returncode == EXIT_UNREACHABLE, refused.stderr
    assert "authorization violation" in refused.stderr.lower() or "tls" in refused.stderr.lower()
    time.sleep(DAMAGED_S)
    login.renew()
    for one in processes:
        if not login.is_read_again:
            assert one.stop() == 0
            one.environment |= login.environ
            one.start()


@pytest.mark.timeout(600 + 120 * ROUNDS)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_lost_when_a_log_in_is_renewed_and_the_old_one_revoked(
    form: str, tmp_path: Path
) -> None:
    login = LOGINS[form](tmp_path)
    config = tmp_path / "worker.toml"
    targets = "".join(TARGET.format(number=number) for number in range(TARGETS))
    config.write_text(WORKER.format(folder=tmp_path) + targets)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    state = {"STT_COORDINATOR_STATE_DIR": str(tmp_path / "c"), "STT_WEB_LISTEN": ""}
    environ = clean | login.environ | state | {"STT_LOG_FORMAT": "json", "PW": "x"}
    processes = [
        Process(command=words, environment=dict(environ), log=tmp_path / f"{words[0]}.log")
        for words in (["coordinator"], ["worker", "--config", str(config)])
    ]
    try:
        for one in processes:
            one.start()
        until(lambda: len(asked(login, "targets", "list")) == TARGETS, "targets", processes)
        assert stt("enable", "--reason", "CHG-1", **login.environ).returncode == 0
        with loaded(login) as load:
            for _ in range(ROUNDS):
                before = len(load.requested)
                until(lambda: len(load.requested) > before, "requests", processes)  # noqa: B023  # now
                replace(login, processes)
                after = len(load.requested)
                until(lambda: len(load.requested) > after, "requests again", processes)  # noqa: B023  # now
        # A request that was cut off may have started a run too: all of them count.
        until(lambda: all(map(is_whole, runs(login))), "the ends of all runs", processes)
        found = {one["run_id"] for one in runs(login)}
        # What the worker last announced of itself: its outbox is empty some seconds earlier.
        until(lambda: empty(login), "an empty outbox", processes)
    finally:
        codes = [one.stop() for one in reversed(processes)]
        login.server.stop()
    assert load.requested <= found
    assert load.codes <= {EXIT_UNREACHABLE}
    assert set(codes) == {0}
    starts = [sum("_started" in one["event"] for one in logged(process)) for process in processes]
    assert login.is_read_again == (max(starts) == 1), starts


def empty(login: Login) -> bool:
    """Whether the one worker is up and says that nothing waits in its outbox."""
    found = asked(login, "workers", "list")
    return [(one["state"], one["outbox"]) for one in found] == [("up", 0)]


def runs(login: Login) -> list[dict[str, Any]]:
    found = asked(login, "runs", "list", "--limit", "100")
    return found or [{"state": "unknown", "jobs": 0, "done": 0, "unanswered": 0}]
