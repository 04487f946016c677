"""Servers of MongoDB of a test's own: restarted with a configuration, or a set with an arbiter."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pymongo import MongoClient

from stt_coordinator.local.servers import mongodb as embedded
from stt_coordinator.local.servers.process import HOST, Running, accepts
from stt_shared import clock
from stt_shared.protocol.messages import CheckOutcome, Finding
from tests.servers.fixtures import left_out, server_or_reason
from tests.support.checks.hardening import merge

Options = dict[str, Any]
Client = MongoClient[dict[str, Any]]

KEY = "c2VjcmV0" * 8
ARBITER_S = 30.0
DEFAULT_PORTS = (27019, 27018, 27017)
# The files that remediations name; a test has its own.
KEY_FILE = "/etc/mongodb.key"
CERTIFICATE = "/etc/ssl/mongodb.pem"
CA = "/etc/ssl/mongodb-ca.pem"


@contextmanager
def mongod(
    folder: Path, binary: str, replica_set: str = "", words: Sequence[str] = ()
) -> Iterator[Running]:
    """One server, or one member of a set that somebody has still to initiate."""
    running = _started(folder / "mongod", binary, replica_set, words)
    try:
        yield running
    finally:
        running.kill()  # in order a member of a set takes its time
        running.stop()


def _started(folder: Path, binary: str, replica_set: str, words: Sequence[str]) -> Running:
    def start() -> Running:
        program = embedded.find(binary)
        return embedded.start(folder, binary=program, replica_set=replica_set, extra=words)

    return server_or_reason(binary, start)


def restarted(server: Running, config: Options) -> None:
    """The server with `config` in its file, and nothing of the address on its command line."""
    file = server.directory / "mongod.yaml"
    file.write_text(yaml.safe_dump(config))
    mine = {"--bind_ip", server.host, "--config", str(file)}
    server.command = [*(word for word in server.command if word not in mine), "--config", str(file)]
    server.restart()


def moved(server: Running, config: Options) -> None:
    """Restarted with `config`, on the port that it names."""
    port: int = config["net"]["port"]
    words = [word for word in server.command if word not in {"--port", str(server.port)}]
    server.command, server.port, server.ready = words, port, lambda: accepts(port)
    restarted(server, config)


def under(user: str, server: Running, folder: Path) -> None:
    """Started again as another user, from a folder that he may enter."""
    assert server.binary
    shutil.copytree(server.binary.parent, folder)
    server.kill()
    for path in (server.directory, *server.directory.rglob("*")):
        shutil.chown(path, user)
    server.command = [str(folder / server.binary.name), *server.command[1:]]
    server.environment = {"LD_LIBRARY_PATH": str(folder)}
    server.owner = user
    server.start()


def free_default_port() -> int:
    for port in DEFAULT_PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    return left_out("somebody listens on every default port of MongoDB")


def followed(config: Options, findings: Sequence[Finding], files: dict[str, Path]) -> None:
    """Put the lines of the findings into `config`, with the test's own files."""
    for finding in findings:
        lines = finding.remediation
        for named, real in files.items():
            lines = lines.replace(named, str(real))
        merge(config, yaml.safe_load(lines))


def found(outcomes: dict[str, CheckOutcome]) -> dict[str, dict[str, str]]:
    """The objects with their severities, by check."""
    return {
        name: {str(one.object): str(one.severity) for one in outcome.findings}
        for name, outcome in outcomes.items()
    }


def key_file(folder: Path) -> Path:
    """What members of a set share."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    return file


def direct(server: Running) -> Client:
    return MongoClient(server.host, server.port, directConnection=True)


def set_of_one(server: Running) -> None:
    """Initiate a set of this member alone, with an administrator a, password x."""
    with direct(server) as client:
        member = {"_id": 0, "host": f"{server.host}:{server.port}"}
        client.admin.command("replSetInitiate", {"_id": "rs", "members": [member]})
    # Not with a direct connection: this one waits until there is a primary.
    with Client(server.host, server.port, replicaSet="rs") as client:
        client.admin.command("createUser", "a", pwd="x", roles=["root"])


def set_parameter(server: Running, name: str, value: object) -> None:
    """Set a parameter of a member of `set_of_one` while it runs."""
    with Client(server.host, server.port, username="a", password="x") as client:
        client.admin.command({"setParameter": 1, name: value})


@contextmanager
def replica_set(
    folder: Path, binary: str, *, key: bool, words: Sequence[str] = ()
) -> Iterator[Running]:
    """The arbiter of a replica set of two, with or without a key file."""
    members: list[Running] = []
    try:
        for name in ("primary", "arbiter"):
            more = ["--keyFile", str(key_file(folder / name))] if key else []
            members.append(_started(folder / name, binary, "rs", [*more, *words]))
        hosts = [
            {"_id": n, "host": f"{one.host}:{one.port}", "arbiterOnly": n == 1}
            for n, one in enumerate(members)
        ]
        with direct(members[0]) as client:
            client.admin.command("replSetInitiate", {"_id": "rs", "members": hosts})
        wait_for_arbiter(members[1])
        yield members[1]
    finally:
        for one in members:
            one.kill()  # in order a primary takes its time
            one.stop()


def wait_for_arbiter(server: Running) -> None:
    """Wait until the member knows from the others that it is one."""
    deadline = clock.monotonic() + ARBITER_S
    with direct(server) as client:
        while not client.admin.command("isMaster").get("arbiterOnly"):
            assert clock.monotonic() < deadline, f"no arbiter within {ARBITER_S:g} s"
            time.sleep(0.05)
