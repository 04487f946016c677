"""A fresh server of each kind, as its packages make it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD

TIMEOUT_S = 60.0
POLL_S = 0.2
SAFE = ("-c", "fsync=on")  # as packages start it: our own throw-away servers go without


def starter(name: str, folder: Path, certificates: Certificates) -> Callable[[], Running]:
    """A fresh server of a kind, as its packages make it."""
    tls = (certificates.cert, certificates.key, certificates.ca)
    if name == "mariadb":
        found = embedded_mysql.find_mariadb
        return lambda: embedded_mysql.start(found(), folder, password=PASSWORD, tls=tls)
    if name == "mysql":
        found = embedded_mysql.find_mysql
        return lambda: embedded_mysql.start(found(), folder, password=PASSWORD, tls=tls)
    if name == "postgresql":
        return lambda: embedded_postgresql.start(folder, password=PASSWORD, extra=SAFE)
    if name == "postgresql15":
        installed = embedded_postgresql.installed
        return lambda: embedded_postgresql.start(
            folder, password=PASSWORD, binaries=installed(15), tls=tls, extra=SAFE
        )
    binary = {"mongodb": "mongodb-6.0", "mongodb44": "mongodb-4.4"}[name]
    return lambda: embedded_mongodb.start(folder, binary=embedded_mongodb.find(binary))


def administrator(running: Running) -> None:
    """Before access control is switched on somebody has to be let in."""
    with MongoClient[dict[str, object]](running.host, running.port) as client:
        client.admin.command("createUser", "boss", pwd="Boss 1: password", roles=["root"])
    running.user, running.password = "boss", "Boss 1: password"


def diagnosed(server: Running) -> None:
    """Wait until a mongod has collected diagnostic data for the first time."""
    deadline = clock.monotonic() + TIMEOUT_S
    with MongoClient[dict[str, Any]](
        server.host,
        server.port,
        username=server.user or None,
        password=server.password or None,
        directConnection=True,
    ) as client:
        while "end" not in client.admin.command("getDiagnosticData")["data"]:
            assert clock.monotonic() < deadline, "no diagnostic data"
            time.sleep(POLL_S)
