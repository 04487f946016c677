"""One real server of each kind for a whole session, started when a test first asks for it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.cache import MissingServerError
from stt_coordinator.local.servers.process import Running
from tests.servers import nats_versions
from tests.servers.as_it_was import mysql_watched, postgresql_watched
from tests.servers.certificates import Certificates, make

T = TypeVar("T")
ELSEWHERE = ("192.0.2.1", 9)  # of the documentation: nothing is sent there
BOTH_LOOPBACKS = ["--bind-address=127.0.0.1,::1"]
PASSWORD = 'Throw-away 1: it\'s \\ only "loopback" %40'


def server_or_reason(name: str, start: Callable[[], Running]) -> Running:
    """A server; without its binary the test is left out, or fails where servers are required."""
    return required(name, start)


def required(name: str, get: Callable[[], T]) -> T:
    """What `get` returns; where a binary is missing, as above."""
    try:
        return get()
    except MissingServerError as error:
        left_out(f"{name}: {error}")


def left_out(reason: str) -> NoReturn:
    """Leave a test out, or fail where every server is required: CI skips nothing."""
    if os.environ.get("STT_REQUIRE_SERVERS") == "1":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def address() -> str:
    """An address of this machine other than loopback, the one that a client elsewhere would see."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError as error:
            left_out(f"this machine has no network: {error}")
        return str(probe.getsockname()[0])


@contextmanager
def serving(name: str, start: Callable[[], Running]) -> Iterator[Running]:
    running = server_or_reason(name, start)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder that servers running as another user may enter.

    It is none of pytest's own: each session that begins closes the folder above those again.
    """
    folder = Path(tempfile.mkdtemp(prefix="stt-servers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def certificates(servers_folder: Path) -> Certificates:
    """A CA, a certificate for loopback, one for another name, and one for a client."""
    folder = servers_folder / "certificates"
    folder.mkdir()
    return make(folder)


@pytest.fixture(scope="session")
def nats_server(servers_folder: Path) -> Iterator[Running]:
    """The installed nats-server, or the version of STT_TEST_NATS: `make nats-versions`."""

    def start() -> Running:
        return embedded_nats.start(servers_folder / "nats", binary=nats_versions.chosen())

    with serving("nats-server", start) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql(servers_folder: Path) -> Iterator[Running]:
    def start() -> Running:
        return embedded_postgresql.start(servers_folder / "postgresql18", password=PASSWORD)

    with serving("PostgreSQL 18", start) as running:
        yield postgresql_watched(running)


@pytest.fixture(scope="session")
def postgresql15(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """PostgreSQL 15 with TLS: the package of 18 is built without it."""

    def start() -> Running:
        return embedded_postgresql.start(
            servers_folder / "postgresql15",
            password=PASSWORD,
            binaries=embedded_postgresql.installed(15),
            tls=(certificates.cert, certificates.key, certificates.ca),
        )

    with serving("PostgreSQL 15", start) as running:
        yield postgresql_watched(running)


@pytest.fixture(scope="session")
def mariadb(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    def start() -> Running:
        return embedded_mysql.start(
            embedded_mysql.find_mariadb(),
            servers_folder / "mariadb",
            password=PASSWORD,
            extra=BOTH_LOOPBACKS,
            tls=(certificates.cert, certificates.key, certificates.ca),
        )

    with serving("MariaDB", start) as running:
        yield mysql_watched(running)


@pytest.fixture(scope="session")
def mysql(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    def start() -> Running:
        return embedded_mysql.start(
            embedded_mysql.find_mysql(),
            servers_folder / "mysql",
            password=PASSWORD,
            extra=BOTH_LOOPBACKS,
            tls=(certificates.cert, certificates.key, certificates.ca),
        )

    with serving("MySQL", start) as running:
        yield mysql_watched(running)


@pytest.fixture(scope="session")
def mongodb(servers_folder: Path) -> Iterator[Running]:
    """MongoDB 6.0 without access control."""

    def start() -> Running:
        program = embedded_mongodb.find("mongodb-6.0")
        return embedded_mongodb.start(servers_folder / "mongodb60", binary=program)

    with serving("MongoDB 6.0", start) as running:
        yield running


@pytest.fixture(scope="session")
def mongodb44(servers_folder: Path) -> Iterator[Running]:
    """MongoDB 4.4 without access control."""

    def start() -> Running:
        program = embedded_mongodb.find("mongodb-4.4")
        return embedded_mongodb.start(servers_folder / "mongodb44", binary=program)

    with serving("MongoDB 4.4", start) as running:
        yield running
