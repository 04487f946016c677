"""Coordinator, worker and command line log in to a real nats-server in each documented form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stt_cli.accounts import keys
from stt_cli.accounts.keys import Kind
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import free_port
from tests.servers.certificates import Certificates
from tests.support.processes.commands import stt
from tests.support.shared import nats_logins
from tests.support.shared.nats_logins import LoggedIn

READY_S = 60.0
TARGETS = """
[worker]
name = "w1"
site = "eu"
state_dir = "{folder}/worker"

[[targets]]
id = "books"
family = "postgresql"
host = "127.0.0.1"
port = 1
user = "u"
password = "env:PW"
tls = "off"
"""


@contextmanager
def running(folder: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    with (folder / f"{words[0]}.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "stt_cli", *words], env=clean | environ, stdout=log, stderr=log
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(30)


def targets_of(folder: Path, environ: dict[str, str]) -> list[str]:
    """The targets that a coordinator learns of from a worker, both with this environment."""
    config = folder / "worker.toml"
    config.write_text(TARGETS.format(folder=folder))
    own = {"STT_COORDINATOR_STATE_DIR": str(folder / "c"), "STT_WEB_LISTEN": ""}
    whole = environ | own | {"PW": "x"}
    with (
        running(folder, "coordinator", **whole),
        running(folder, "worker", "--config", str(config), **whole),
    ):
        deadline = time.monotonic() + READY_S
        found: list[dict[str, str]] = []
        while not found:
            done = stt("targets", "list", "-o", "json", **whole)
            found = json.loads(done.stdout)["targets"] if done.stdout else []
            logs = [path.read_text()[-2000:] for path in folder.glob("*.log")]
            assert time.monotonic() < deadline, (done.stderr, logs)
    return [one["target"] for one in found]


@pytest.mark.parametrize("form", nats_logins.FORMS, ids=lambda form: form.__name__)
def test_coordinator_worker_and_command_line_work_with_each_log_in(
    form: Callable[[Path, Certificates], LoggedIn], tmp_path: Path, certificates: Certificates
) -> None:
    given = form(tmp_path, certificates)
    try:
        assert targets_of(tmp_path, given.environ) == ["books"]
    finally:
        given.server.stop()


def test_all_of_them_reach_streams_by_their_domain_and_get_answers_in_their_own_inbox(
    tmp_path: Path,
) -> None:
    """They are at a leaf node without JetStream, which lets no `$JS.API` pass to the hub."""
    port = free_port()
    domain = f'jetstream {{ store_dir: "{tmp_path}/hub", domain: hub }}\n'
    hub = embedded_nats.start(
        tmp_path / "nats", extra=f"{domain}leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    )
    rights = 'permissions: { publish: ">", subscribe: { deny: "_INBOX.>" } }'
    leaf = embedded_nats.start(
        tmp_path / "leaf",
        extra=f"jetstream: disabled\nauthorization {{ users: [ {{ user: u, password: p, {rights} }}"
        f' ] }}\nleafnodes {{ remotes: [ {{ url: "nats-leaf://127.0.0.1:{port}" }} ] }}\n',
    )
    environ = {"STT_NATS_URL": leaf.url, "STT_NATS_USER": "u", "STT_NATS_PASSWORD": "p"}
    own = {"STT_NATS_JS_DOMAIN": "hub", "STT_NATS_INBOX_PREFIX": "mine.stt"}
    try:
        assert targets_of(tmp_path, environ | own) == ["books"]
        for lacking in own:
            rest = {name: value for name, value in own.items() if name != lacking}
            done = stt("status", **environ, **rest, STT_NATS_TIMEOUT_S="1")
            assert done.returncode == 4, (lacking, done.stdout)
    finally:
        leaf.stop()
        hub.stop()


def test_a_key_that_is_not_there_is_an_error_with_its_path(
    tmp_path: Path, certificates: Certificates
) -> None:
    given = nats_logins.nkey(tmp_path, certificates)
    try:
        for path, why in ((tmp_path / "Gone.nk", "no such file"), (tmp_path, "is a directory")):
            done = stt("status", **(given.environ | {"STT_NATS_NKEY": str(path)}))
            assert done.returncode == 4
            assert f"cannot read {path} ({why}" in done.stderr
    finally:
        given.server.stop()


def test_the_wrong_key_is_refused_with_the_reason(
    tmp_path: Path, certificates: Certificates
) -> None:
    given = nats_logins.nkey(tmp_path, certificates)
    other = keys.new(Kind.USER)
    nats_logins.write(tmp_path / "user.nk", other.seed)
    try:
        done = stt("status", **given.environ)
    finally:
        given.server.stop()
    assert done.returncode == 4
    assert "authorization violation" in done.stderr
    assert other.seed not in done.stderr


def test_a_server_that_greets_nobody_before_tls_needs_the_setting(
    tmp_path: Path, certificates: Certificates
) -> None:
    given = nats_logins.mutual_tls(tmp_path, certificates)
    environ = given.environ | {"STT_NATS_TIMEOUT_S": "2"}
    try:
        without = stt("status", **(environ | {"STT_NATS_TLS_FIRST": "false"}))
        done = stt("status", **environ)
    finally:
        given.server.stop()
    assert without.returncode == 4
    assert "cannot reach NATS" in without.stderr
    # With it the log-in is taken: what is missing is the coordinator.
    assert done.returncode == 4
    assert "no coordinator answers" in done.stderr
