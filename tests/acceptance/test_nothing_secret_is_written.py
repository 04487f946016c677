"""Passwords, hashes and connection strings of databases are in no file that a run leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.support.checks.real import as_root, mysql_state, postgresql_state
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared
from tests.support.processes.secret_places import site

TIMEOUT_S = 90.0
TARGETS = """
[[targets]]
id = "{id}"
family = "{family}"
host = "{server.host}"
port = {server.port}
user = "{server.user}"
password = "env:PASSWORD_OF_DATABASES"
tls = "off"
"""
PRIMARY = "host=10.9.8.7 user=rep password=conninfo-Secret-77 sslmode=prefer"
NATIVE = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"  # of MariaDB: PASSWORD('password')


@contextmanager
def bad_mysql(server: Running) -> Iterator[None]:
    """Accounts that many checks have something to say about, with known hashes."""
    account = "'leaky'@'%'"
    if server.name == "mariadb":
        made = [f"CREATE USER {account} IDENTIFIED BY PASSWORD '{NATIVE}'"]
    else:
        made = [f"CREATE USER {account} IDENTIFIED BY 'Str0ng-enough'"]
        made.append(f"ALTER USER {account} IDENTIFIED BY 'An0ther-one' RETAIN CURRENT PASSWORD")
    made.append(f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION")
    with mysql_state(server, made, [f"DROP USER {account}"]):
        yield


@contextmanager
def bad_postgresql(server: Running) -> Iterator[None]:
    made = [
        "CREATE ROLE leaky LOGIN SUPERUSER PASSWORD 'md5deadbeefdeadbeefdeadbeefdeadbeef'",
        f"ALTER SYSTEM SET primary_conninfo = '{PRIMARY}'",
        "SELECT pg_reload_conf()",
    ]
    undo = ["DROP ROLE leaky", "ALTER SYSTEM RESET primary_conninfo", "SELECT pg_reload_conf()"]
    with postgresql_state(server, made, undo):
        yield


def hashes_of_mysql(server: Running) -> set[str]:
    table = "global_priv" if server.name == "mariadb" else "user"
    column = (
        "JSON_VALUE(Priv, '$.authentication_string')"
        if server.name == "mariadb"
        else "authentication_string"
    )
    with (
        as_root(server) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT {column} FROM mysql.{table}")
        return {str(row[0]) for row in cursor.fetchall() if row[0] and len(str(row[0])) > 20}


def hashes_of_postgresql(server: Running) -> set[str]:
    words = f"host={server.host} port={server.port} user={server.user} dbname=postgres"
    with psycopg.connect(words, password=server.password) as connection:
        rows = connection.execute("SELECT rolpassword FROM pg_authid").fetchall()
    return {str(row[0]) for row in rows if row[0]}


def wait_for(done: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in done.read_text(errors="replace"):
        assert monotonic() < deadline, done.read_text(errors="replace")[-2000:]
        time.sleep(0.1)


def run_once(folder: Path, targets: str, password: str) -> None:
    """A whole run with everything logged; all that is left of it lies in `folder`."""
    (folder / "targets.toml").write_text(targets)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ["STT_WEB_LISTEN"] = ""  # several coordinators on one machine
    environ |= {
        "PASSWORD_OF_DATABASES": password,
        "STT_NATS_URL": f"nats://127.0.0.1:{(port := free_port())}",
        "XDG_CONFIG_HOME": str(folder),
        "STT_LOG_LEVEL": "debug",
    }
    words = ["standalone", "--targets", str(folder / "targets.toml"), "--state-dir", str(folder)]
    with (folder / "stderr").open("wb") as err:
        process = subprocess.Popen([STT, *words, "--port", str(port)], env=environ, stderr=err)
        try:
            wait_for(folder / "stderr", "Ready on nats://")
            for command in (["enable"], ["run", "--wait", "--fail-on", "none", "-o", "json"]):
                done = prepared().run(command, environ)
                (folder / f"{command[0]}.out").write_text(done.stdout + done.stderr)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


@pytest.mark.parametrize("name", ["mariadb", "mysql", "postgresql"])
def test_no_password_hash_or_connection_string_is_in_any_file_of_a_run(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Running = request.getfixturevalue(name)
    family = "postgresql" if name == "postgresql" else "mysql"
    targets = TARGETS.format(id=name, family=family, server=server)
    with bad_postgresql(server) if name == "postgresql" else bad_mysql(server):
        secrets = hashes_of_postgresql(server) if name == "postgresql" else hashes_of_mysql(server)
        run_once(tmp_path, targets, server.password)
    secrets |= {"conninfo-Secret-77", server.password, "Str0ng-enough", "An0ther-one"}
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    written = b"".join(file.read_bytes() for file in files)
    assert b"leaky" in written, "the run found nothing to be discreet about"
    assert len(secrets) > 4
    for secret in secrets:
        for form in (secret, secret.replace('"', '\\"'), repr(secret)[1:-1]):
            assert form.encode() not in written, form


@pytest.mark.timeout(600)
def test_no_process_shows_a_secret_from_any_source(postgresql15: Running, tmp_path: Path) -> None:
    with site(tmp_path, postgresql15) as here:
        good, bad = here.url(here.secrets.nats), here.url(here.secrets.wrong)
        worker = ("worker", "--config", here.config, "--name", "w1")
        with (
            here.service("coordinator", "coordinator", url=good, until='"coordinator_started"'),
            here.service("worker", *worker, url=good, until='"worker_started"'),
        ):
            assert here.stt("enable", url=good) == 0
            here.await_targets(url=good)
            assert here.stt("run", "--wait", "--fail-on", "none", "-o", "json", url=good) == 3
            for words in (
                ("status",),
                ("status", "-o", "json"),
                ("targets", "list", "-o", "json"),
                ("doctor", "--config", here.config),
                ("doctor", "--config", here.config, "-o", "json"),
                ("config", "show", "--origin"),
                ("config", "show", "-o", "json"),
                ("config", "check", "--config", here.config),
                ("targets", "test", "--config", here.config, "-o", "json"),
                ("scan", "--config", here.config, "--check", "postgresql_version", "--debug"),
                ("alerts", "test"),
            ):
                here.stt(*words, url=good)
        waiting = '"connection_failed"'
        unreachable = good.replace(f":{here.broker.port}", f":{free_port()}")
        unknown = good.replace("@127.0.0.1", "@host.invalid")
        for number, url in enumerate((bad, unreachable, unknown)):
            with (
                here.service(
                    f"coordinator kept out {number}", "coordinator", url=url, until=waiting
                ),
                here.service(f"worker kept out {number}", *worker, url=url, until=waiting),
            ):
                pass
        loose = [here.url(here.secrets.wrong, encoded=False), bad.replace("nats:", "natz:")]
        for url in (bad, *loose):
            for words in (
                ("status", "--debug"),
                ("doctor",),
                ("config", "show", "-o", "json"),
                ("findings", "list", "--nats-url", url),
            ):
                here.stt(*words, url=url)
        for url in loose:
            assert here.stt("coordinator", url=url) == 2
            assert here.stt(*worker, url=url) == 2
        login = f"postgresql://stt:{quote(here.secrets.wrong, safe='')}@127.0.0.1:9/"
        for words in (
            ("scan", login),
            ("scan", login, "--debug", "--export", f"{login}.json"),
            ("scan", login.replace("%2F", "/")),
            ("scan", "postgresql://stt@127.0.0.1:9/", "--password-from", "env:PASSWORD_HERE"),
            ("scna", login),
            ("status", login),
        ):
            here.stt(*words, url=good)
    assert len(here.outputs) > 28
    everything = b"".join(here.outputs.values())
    assert str(here.broker.port).encode() in everything
    assert b"****@127.0.0.1" in everything
    assert here.leaks() == []
